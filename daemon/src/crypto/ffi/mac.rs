//! HMAC and CMAC of aws-lc, over a message that is all there.

use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use softkeep_proto::algorithm::Hash;
use zeroize::Zeroizing;

use super::cipher::{AES_BLOCK_BYTES, Mode, mode_cipher};
use super::{Failed, Result, failed, md, ok};

/// HMAC (FIPS 198-1), in full length.
pub fn hmac(hash: Hash, key: &[u8], message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; hash.len()]);
    let mut len = 0;
    // SAFETY: `out` has the digest's length, which is what the function writes (hmac.h).
    let written = unsafe {
        let (key, key_len, message, message_len) = (key.as_ptr(), key.len(), message.as_ptr(), message.len());
        lc::HMAC(md(hash), key.cast(), key_len, message, message_len, out.as_mut_ptr(), &raw mut len)
    };
    if ptr::eq(written, out.as_ptr()) && len as usize == out.len() { Ok(out) } else { Err(failed("HMAC")) }
}

/// AES-CMAC (SP 800-38B), in full length.
pub fn aes_cmac(key: &[u8], message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let cipher = mode_cipher(Mode::Cbc, key.len())?;
    let context = Cmac::new()?;
    let mut out = Zeroizing::new(vec![0; AES_BLOCK_BYTES]);
    let mut len = 0;
    // SAFETY: the context is live; the cipher is static and reads as many bytes of the key as there are; `out` has a
    // block's length, which is what is written at the end (cmac.h).
    unsafe {
        let (context, key, key_len) = (context.0.as_ptr(), key.as_ptr().cast(), key.len());
        ok("CMAC_Init", lc::CMAC_Init(context, key, key_len, cipher, ptr::null_mut()))?;
        ok("CMAC_Update", lc::CMAC_Update(context, message.as_ptr(), message.len()))?;
        ok("CMAC_Final", lc::CMAC_Final(context, out.as_mut_ptr(), &raw mut len))?;
    }
    if len == out.len() { Ok(out) } else { Err(Failed("the length of a CMAC")) }
}

/// One use of CMAC. Freeing it cleanses its keys (CMAC_CTX_cleanup).
struct Cmac(NonNull<lc::CMAC_CTX>);

impl Cmac {
    fn new() -> Result<Self> {
        // SAFETY: null or a context that is ours.
        NonNull::new(unsafe { lc::CMAC_CTX_new() }).map(Self).ok_or_else(|| failed("CMAC_CTX_new"))
    }
}

impl Drop for Cmac {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::CMAC_CTX_free(self.0.as_ptr()) }
    }
}
