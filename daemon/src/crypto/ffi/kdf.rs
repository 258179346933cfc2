//! The key derivations that aws-lc has whole.

use aws_lc_sys as lc;
use softkeep_proto::algorithm::Hash;
use zeroize::Zeroizing;

use super::{Failed, Result, md, ok};

/// The extract step of HKDF (RFC 5869 section 2.2). An empty salt is as many zeroes as the hash has bytes.
pub fn hkdf_extract(hash: Hash, salt: &[u8], secret: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; lc::EVP_MAX_MD_SIZE as usize]);
    let mut len = 0;
    // SAFETY: `out` has room for every digest (hkdf.h asks for EVP_MAX_MD_SIZE).
    ok("HKDF_extract", unsafe {
        let (secret, secret_len, salt, salt_len) = (secret.as_ptr(), secret.len(), salt.as_ptr(), salt.len());
        lc::HKDF_extract(out.as_mut_ptr(), &raw mut len, md(hash), secret, secret_len, salt, salt_len)
    })?;
    out.truncate(len);
    Ok(out)
}

/// The expand step of HKDF (RFC 5869 section 2.3).
pub fn hkdf_expand(hash: Hash, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; len]);
    // SAFETY: the function is told how long `out` is.
    ok("HKDF_expand", unsafe {
        let (prk, prk_len, info, info_len) = (prk.as_ptr(), prk.len(), info.as_ptr(), info.len());
        lc::HKDF_expand(out.as_mut_ptr(), out.len(), md(hash), prk, prk_len, info, info_len)
    })?;
    Ok(out)
}

/// PBKDF2 with HMAC (RFC 8018 section 5.2).
pub fn pbkdf2(hash: Hash, password: &[u8], salt: &[u8], iterations: u32, len: usize) -> Result<Zeroizing<Vec<u8>>> {
    if iterations == 0 {
        return Err(Failed("the number of iterations"));
    }
    let mut out = Zeroizing::new(vec![0; len]);
    // SAFETY: the function is told how long `out` is.
    ok("PKCS5_PBKDF2_HMAC", unsafe {
        let (password, password_len, salt, salt_len) =
            (password.as_ptr().cast(), password.len(), salt.as_ptr(), salt.len());
        let (out, out_len) = (out.as_mut_ptr(), out.len());
        lc::PKCS5_PBKDF2_HMAC(password, password_len, salt, salt_len, iterations, md(hash), out_len, out)
    })?;
    Ok(out)
}

/// The one-step derivation with a hash (SP 800-56C section 4.1, option 1).
pub fn one_step(hash: Hash, secret: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; len]);
    // SAFETY: the function is told how long `out` is.
    ok("SSKDF_digest", unsafe {
        let (secret, secret_len, info, info_len) = (secret.as_ptr(), secret.len(), info.as_ptr(), info.len());
        lc::SSKDF_digest(out.as_mut_ptr(), out.len(), md(hash), secret, secret_len, info, info_len)
    })?;
    Ok(out)
}
