//! The symmetric ciphers of aws-lc: AES in its modes by EVP_CIPHER, RFC 3394 and RFC 5649 key wrap, ChaCha20 and its
//! AEAD. `crypto/cipher.rs` decides and checks; here is one function for one call.

use std::ffi::{c_int, c_uint};
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::{Failed, Result, failed, ok};

/// The block of AES in bytes.
pub const AES_BLOCK_BYTES: usize = 16;

/// What key wrap adds (RFC 3394 section 2.2.1).
const WRAP_OVERHEAD_BYTES: usize = 8;

/// The tag of ChaCha20-Poly1305 (RFC 8439 section 2.8).
const POLY1305_TAG_BYTES: usize = 16;

/// Which way a cipher runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// The modes that encrypt without a tag.
#[derive(Clone, Copy)]
pub enum Mode {
    Ecb,
    Cbc,
    /// CBC with PKCS#7 padding.
    CbcPadded,
    /// The whole block counts, as one big-endian number.
    Ctr,
}

/// The modes with a nonce of any length and a tag.
#[derive(Clone, Copy)]
pub enum Aead {
    Gcm,
    Ccm,
}

/// Encrypts or decrypts with a mode that has no tag. ECB ignores the IV.
pub fn run(
    mode: Mode,
    direction: Direction,
    key: &[u8],
    iv: &[u8; AES_BLOCK_BYTES],
    input: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let context = Context::new()?;
    context.choose(mode_cipher(mode, key.len())?, direction)?;
    context.key(key, iv)?;
    // SAFETY: the context is live.
    ok("EVP_CIPHER_CTX_set_padding", unsafe {
        lc::EVP_CIPHER_CTX_set_padding(context.0.as_ptr(), c_int::from(matches!(mode, Mode::CbcPadded)))
    })?;
    // One block more than the input is the most that either direction writes (cipher.h), so it never grows and leaves
    // no copy behind.
    let mut out = Zeroizing::new(vec![0; input.len() + AES_BLOCK_BYTES]);
    let written = context.update(&mut out, input)?;
    let last = context.finish(&mut out[written..])?;
    out.truncate(written + last);
    Ok(out)
}

/// Encrypts and authenticates: the ciphertext, then a tag of this length.
pub fn seal(aead: Aead, key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8], tag_bytes: usize) -> Result<Vec<u8>> {
    let context = Context::new()?;
    context.choose(aead_cipher(aead, key.len())?, Direction::Encrypt)?;
    context.nonce_len(nonce)?;
    if matches!(aead, Aead::Ccm) {
        // CCM's tag depends on its own length, which must be known before the key.
        context.control(lc::EVP_CTRL_AEAD_SET_TAG, tag_bytes, ptr::null_mut())?;
    }
    context.key(key, nonce)?;
    context.announce(aead, aad, plaintext.len())?;
    let mut out = vec![0; plaintext.len() + tag_bytes];
    let written = context.update(&mut out, plaintext)?;
    context.finish(&mut [0; AES_BLOCK_BYTES])?;
    let tag = out.get_mut(written..).filter(|tag| tag.len() == tag_bytes).ok_or(Failed("the ciphertext's length"))?;
    context.control(lc::EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag.as_mut_ptr())?;
    Ok(out)
}

/// Decrypts and verifies. On failure nothing of the plaintext is given.
pub fn open(
    aead: Aead,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let context = Context::new()?;
    context.choose(aead_cipher(aead, key.len())?, Direction::Decrypt)?;
    context.nonce_len(nonce)?;
    // A copy, because the C function takes a pointer that it could write to.
    context.control(lc::EVP_CTRL_AEAD_SET_TAG, tag.len(), tag.to_vec().as_mut_ptr())?;
    context.key(key, nonce)?;
    context.announce(aead, aad, ciphertext.len())?;
    let mut out = Zeroizing::new(vec![0; ciphertext.len()]);
    let written = context.update(&mut out, ciphertext)?;
    context.finish(&mut [0; AES_BLOCK_BYTES])?;
    if written == out.len() { Ok(out) } else { Err(Failed("the plaintext's length")) }
}

/// AES key wrap (RFC 3394 section 2.2.1) with an initial value.
pub fn wrap_key(key: &[u8], iv: &[u8; 8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let schedule = Schedule::encrypting(key)?;
    let mut out = vec![0; plaintext.len() + WRAP_OVERHEAD_BYTES];
    let (input, input_len) = (plaintext.as_ptr(), plaintext.len());
    // SAFETY: `out` is eight bytes longer than the input, which is what the function writes (aes.h).
    let written = unsafe { lc::AES_wrap_key(&raw const *schedule.0, iv.as_ptr(), out.as_mut_ptr(), input, input_len) };
    if usize::try_from(written) == Ok(out.len()) { Ok(out) } else { Err(failed("AES_wrap_key")) }
}

/// The inverse of [`wrap_key`].
pub fn unwrap_key(key: &[u8], iv: &[u8; 8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let schedule = Schedule::decrypting(key)?;
    let len = ciphertext.len().checked_sub(WRAP_OVERHEAD_BYTES).ok_or(Failed("the ciphertext's length"))?;
    let mut out = Zeroizing::new(vec![0; len]);
    let (input, input_len) = (ciphertext.as_ptr(), ciphertext.len());
    // SAFETY: `out` is eight bytes shorter than the input, which is what the function writes (aes.h).
    let written =
        unsafe { lc::AES_unwrap_key(&raw const *schedule.0, iv.as_ptr(), out.as_mut_ptr(), input, input_len) };
    if usize::try_from(written) == Ok(out.len()) { Ok(out) } else { Err(failed("AES_unwrap_key")) }
}

/// AES key wrap with padding (RFC 5649 section 4.1).
pub fn wrap_key_padded(key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let schedule = Schedule::encrypting(key)?;
    let mut out = vec![0; plaintext.len().next_multiple_of(8) + WRAP_OVERHEAD_BYTES];
    let mut len = 0;
    // SAFETY: the function is told how long `out` is.
    ok("AES_wrap_key_padded", unsafe {
        let (input, input_len) = (plaintext.as_ptr(), plaintext.len());
        let (out, out_len) = (out.as_mut_ptr(), out.len());
        lc::AES_wrap_key_padded(&raw const *schedule.0, out, &raw mut len, out_len, input, input_len)
    })?;
    out.truncate(len);
    Ok(out)
}

/// The inverse of [`wrap_key_padded`].
pub fn unwrap_key_padded(key: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let schedule = Schedule::decrypting(key)?;
    let mut out = Zeroizing::new(vec![0; ciphertext.len()]);
    let mut len = 0;
    // SAFETY: the function is told how long `out` is.
    ok("AES_unwrap_key_padded", unsafe {
        let (input, input_len) = (ciphertext.as_ptr(), ciphertext.len());
        let (out, out_len) = (out.as_mut_ptr(), out.len());
        lc::AES_unwrap_key_padded(&raw const *schedule.0, out, &raw mut len, out_len, input, input_len)
    })?;
    out.truncate(len);
    Ok(out)
}

/// ChaCha20 (RFC 8439 section 2.4), starting at this block. The caller sees to it that the counter does not overflow.
pub fn chacha20(key: &[u8; 32], nonce: &[u8; 12], counter: u32, input: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; input.len()]);
    // SAFETY: `out` is as long as the input, the key has 32 bytes and the nonce 12 (chacha.h).
    unsafe {
        let (input, input_len) = (input.as_ptr(), input.len());
        lc::CRYPTO_chacha_20(out.as_mut_ptr(), input, input_len, key.as_ptr(), nonce.as_ptr(), counter);
    }
    out
}

/// AEAD_CHACHA20_POLY1305 (RFC 8439 section 2.8): the ciphertext, then the tag.
pub fn chacha20_poly1305_seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let context = AeadContext::chacha20_poly1305(key)?;
    let mut out = vec![0; plaintext.len() + POLY1305_TAG_BYTES];
    let mut len = 0;
    // SAFETY: the context is live; the function is told how long each buffer is.
    ok("EVP_AEAD_CTX_seal", unsafe {
        let (context, nonce, nonce_len) = (context.0.as_ptr(), nonce.as_ptr(), nonce.len());
        let (out, out_len, input, input_len) = (out.as_mut_ptr(), out.len(), plaintext.as_ptr(), plaintext.len());
        let (aad, aad_len) = (aad.as_ptr(), aad.len());
        lc::EVP_AEAD_CTX_seal(context, out, &raw mut len, out_len, nonce, nonce_len, input, input_len, aad, aad_len)
    })?;
    out.truncate(len);
    Ok(out)
}

/// The inverse of [`chacha20_poly1305_seal`].
pub fn chacha20_poly1305_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let context = AeadContext::chacha20_poly1305(key)?;
    let mut out = Zeroizing::new(vec![0; ciphertext.len()]);
    let mut len = 0;
    // SAFETY: as in `chacha20_poly1305_seal`.
    ok("EVP_AEAD_CTX_open", unsafe {
        let (context, nonce, nonce_len) = (context.0.as_ptr(), nonce.as_ptr(), nonce.len());
        let (out, out_len, input, input_len) = (out.as_mut_ptr(), out.len(), ciphertext.as_ptr(), ciphertext.len());
        let (aad, aad_len) = (aad.as_ptr(), aad.len());
        lc::EVP_AEAD_CTX_open(context, out, &raw mut len, out_len, nonce, nonce_len, input, input_len, aad, aad_len)
    })?;
    out.truncate(len);
    Ok(out)
}

/// One use of an EVP_CIPHER. Freeing it cleanses the key schedule (EVP_CIPHER_CTX_cleanup).
struct Context(NonNull<lc::EVP_CIPHER_CTX>);

impl Context {
    fn new() -> Result<Self> {
        // SAFETY: null or a context that is ours.
        let context = NonNull::new(unsafe { lc::EVP_CIPHER_CTX_new() });
        context.map(Self).ok_or_else(|| failed("EVP_CIPHER_CTX_new"))
    }

    fn choose(&self, cipher: *const lc::EVP_CIPHER, direction: Direction) -> Result<()> {
        let encrypting = c_int::from(direction == Direction::Encrypt);
        // SAFETY: the context is live, the cipher static; null engine, key and IV are allowed and set nothing.
        ok("EVP_CipherInit_ex", unsafe {
            let (context, null) = (self.0.as_ptr(), ptr::null());
            lc::EVP_CipherInit_ex(context, cipher, ptr::null_mut(), null, null, encrypting)
        })
    }

    /// Sets a key and an IV of the lengths that were chosen.
    fn key(&self, key: &[u8], iv: &[u8]) -> Result<()> {
        // SAFETY: the context is live.
        let (key_len, iv_len) =
            unsafe { (lc::EVP_CIPHER_CTX_key_length(self.0.as_ptr()), lc::EVP_CIPHER_CTX_iv_length(self.0.as_ptr())) };
        // A null IV would be right for ECB, which says 0; a longer slice than is read is right as well.
        if key_len as usize != key.len() || (iv_len as usize) > iv.len() {
            return Err(Failed("the length of key or IV"));
        }
        // SAFETY: key and IV have the lengths that the context reads, checked above; -1 leaves the direction.
        ok("EVP_CipherInit_ex", unsafe {
            let (context, null) = (self.0.as_ptr(), ptr::null());
            lc::EVP_CipherInit_ex(context, null, ptr::null_mut(), key.as_ptr(), iv.as_ptr(), -1)
        })
    }

    fn nonce_len(&self, nonce: &[u8]) -> Result<()> {
        self.control(lc::EVP_CTRL_AEAD_SET_IVLEN, nonce.len(), ptr::null_mut())
    }

    /// One of the EVP_CTRL_AEAD commands, which read or write exactly `len` bytes at the pointer, if it is not null.
    fn control(&self, command: c_int, len: usize, data: *mut u8) -> Result<()> {
        // SAFETY: the context is live; every caller gives null or a buffer of `len` bytes that outlives the call.
        ok("EVP_CIPHER_CTX_ctrl", unsafe { lc::EVP_CIPHER_CTX_ctrl(self.0.as_ptr(), command, int(len)?, data.cast()) })
    }

    /// Says what is authenticated: for CCM the message's length, which comes first, and the additional data.
    fn announce(&self, aead: Aead, aad: &[u8], message_len: usize) -> Result<()> {
        let mut len = 0;
        if matches!(aead, Aead::Ccm) {
            // SAFETY: the context is live; two null pointers mean that the length alone is told.
            ok("EVP_CipherUpdate", unsafe {
                let (context, message_len) = (self.0.as_ptr(), int(message_len)?);
                lc::EVP_CipherUpdate(context, ptr::null_mut(), &raw mut len, ptr::null(), message_len)
            })?;
        }
        if aad.is_empty() {
            return Ok(());
        }
        // SAFETY: the context is live; a null output means additional data, which is only read.
        ok("EVP_CipherUpdate", unsafe {
            let (context, aad_len) = (self.0.as_ptr(), int(aad.len())?);
            lc::EVP_CipherUpdate(context, ptr::null_mut(), &raw mut len, aad.as_ptr(), aad_len)
        })
    }

    fn update(&self, out: &mut [u8], input: &[u8]) -> Result<usize> {
        let mut len = 0;
        // SAFETY: the context is live; every caller's `out` has room for the input, and one block more where the mode
        // buffers.
        ok("EVP_CipherUpdate", unsafe {
            let (context, input_len) = (self.0.as_ptr(), int(input.len())?);
            lc::EVP_CipherUpdate(context, out.as_mut_ptr(), &raw mut len, input.as_ptr(), input_len)
        })?;
        usize::try_from(len).map_err(|_| Failed("EVP_CipherUpdate"))
    }

    fn finish(&self, out: &mut [u8]) -> Result<usize> {
        let mut len = 0;
        // SAFETY: the context is live; `out` has a block's room, which is the most that is written at the end.
        ok("EVP_CipherFinal_ex", unsafe { lc::EVP_CipherFinal_ex(self.0.as_ptr(), out.as_mut_ptr(), &raw mut len) })?;
        usize::try_from(len).map_err(|_| Failed("EVP_CipherFinal_ex"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::EVP_CIPHER_CTX_free(self.0.as_ptr()) }
    }
}

/// One use of an EVP_AEAD.
struct AeadContext(NonNull<lc::EVP_AEAD_CTX>);

impl AeadContext {
    fn chacha20_poly1305(key: &[u8; 32]) -> Result<Self> {
        // SAFETY: the AEAD is static, the key is read and copied; null or a context that is ours.
        let context = NonNull::new(unsafe {
            lc::EVP_AEAD_CTX_new(lc::EVP_aead_chacha20_poly1305(), key.as_ptr(), key.len(), POLY1305_TAG_BYTES)
        });
        context.map(Self).ok_or_else(|| failed("EVP_AEAD_CTX_new"))
    }
}

impl Drop for AeadContext {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::EVP_AEAD_CTX_free(self.0.as_ptr()) }
    }
}

/// An AES key schedule, which is as secret as the key. Boxed, so that it never moves and leaves no copy behind.
struct Schedule(Box<lc::AES_KEY>);

type Expand = unsafe extern "C" fn(*const u8, c_uint, *mut lc::AES_KEY) -> c_int;

impl Schedule {
    fn encrypting(key: &[u8]) -> Result<Self> {
        Self::expand(key, "AES_set_encrypt_key", lc::AES_set_encrypt_key)
    }

    fn decrypting(key: &[u8]) -> Result<Self> {
        Self::expand(key, "AES_set_decrypt_key", lc::AES_set_decrypt_key)
    }

    fn expand(key: &[u8], call: &'static str, expand: Expand) -> Result<Self> {
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(Failed("the key's length"));
        }
        // SAFETY: AES_KEY is a C struct of integers, for which zeroes are valid.
        let mut schedule = Self(Box::new(unsafe { std::mem::zeroed() }));
        // SAFETY: the key has as many bits as is said, and `schedule` is a whole AES_KEY.
        let result = unsafe { expand(key.as_ptr(), (8 * key.len()) as c_uint, &raw mut *schedule.0) };
        // These two say 0 for success (aes.h).
        if result == 0 { Ok(schedule) } else { Err(failed(call)) }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: the memory is ours and as long as is said.
        unsafe { lc::OPENSSL_cleanse((&raw mut *self.0).cast(), size_of::<lc::AES_KEY>()) }
    }
}

pub(super) fn mode_cipher(mode: Mode, key_bytes: usize) -> Result<*const lc::EVP_CIPHER> {
    // SAFETY: these functions take nothing and return pointers to static tables.
    let cipher = unsafe {
        match (mode, key_bytes) {
            (Mode::Ecb, 16) => lc::EVP_aes_128_ecb(),
            (Mode::Ecb, 24) => lc::EVP_aes_192_ecb(),
            (Mode::Ecb, 32) => lc::EVP_aes_256_ecb(),
            (Mode::Cbc | Mode::CbcPadded, 16) => lc::EVP_aes_128_cbc(),
            (Mode::Cbc | Mode::CbcPadded, 24) => lc::EVP_aes_192_cbc(),
            (Mode::Cbc | Mode::CbcPadded, 32) => lc::EVP_aes_256_cbc(),
            (Mode::Ctr, 16) => lc::EVP_aes_128_ctr(),
            (Mode::Ctr, 24) => lc::EVP_aes_192_ctr(),
            (Mode::Ctr, 32) => lc::EVP_aes_256_ctr(),
            _ => return Err(Failed("the key's length")),
        }
    };
    Ok(cipher)
}

fn aead_cipher(aead: Aead, key_bytes: usize) -> Result<*const lc::EVP_CIPHER> {
    // SAFETY: these functions take nothing and return pointers to static tables.
    let cipher = unsafe {
        match (aead, key_bytes) {
            (Aead::Gcm, 16) => lc::EVP_aes_128_gcm(),
            (Aead::Gcm, 24) => lc::EVP_aes_192_gcm(),
            (Aead::Gcm, 32) => lc::EVP_aes_256_gcm(),
            (Aead::Ccm, 16) => lc::EVP_aes_128_ccm(),
            (Aead::Ccm, 24) => lc::EVP_aes_192_ccm(),
            (Aead::Ccm, 32) => lc::EVP_aes_256_ccm(),
            _ => return Err(Failed("the key's length")),
        }
    };
    Ok(cipher)
}

/// C counts these lengths in int.
fn int(len: usize) -> Result<c_int> {
    c_int::try_from(len).map_err(|_| Failed("a length"))
}
