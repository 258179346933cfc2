//! ML-DSA over mu, and ML-KEM.

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::pkey::{Context, Pkey};
use super::{Result, ok};

/// What ML-KEM shares (FIPS 203 table 3).
const SHARED_SECRET_BYTES: usize = 32;

impl Pkey {
    /// Signs mu with fresh random (FIPS 204 section 3.4, hedged). `len` is the signature's length.
    pub fn ml_dsa_sign(&self, mu: &[u8], len: usize) -> Result<Vec<u8>> {
        let context = Context::new(self)?;
        let mut out = vec![0; len];
        let mut out_len = out.len();
        // SAFETY: the context is live and belongs to no other thread; `out` has as many bytes as `out_len` says.
        unsafe {
            ok("EVP_PKEY_sign_init", lc::EVP_PKEY_sign_init(context.0.as_ptr()))?;
            let (context, to) = (context.0.as_ptr(), out.as_mut_ptr());
            ok("EVP_PKEY_sign", lc::EVP_PKEY_sign(context, to, &raw mut out_len, mu.as_ptr(), mu.len()))?;
        }
        out.truncate(out_len);
        Ok(out)
    }

    /// Verifies a signature over mu.
    pub fn ml_dsa_verify(&self, mu: &[u8], signature: &[u8]) -> bool {
        let Ok(context) = Context::new(self) else { return false };
        // SAFETY: the context is live and belongs to no other thread; both slices are only read.
        let verdict = unsafe {
            if lc::EVP_PKEY_verify_init(context.0.as_ptr()) != 1 {
                0
            } else {
                let (by, by_len) = (signature.as_ptr(), signature.len());
                lc::EVP_PKEY_verify(context.0.as_ptr(), by, by_len, mu.as_ptr(), mu.len())
            }
        };
        ok("EVP_PKEY_verify", verdict).is_ok()
    }

    /// A ciphertext of `len` bytes and the secret inside.
    pub fn ml_kem_encapsulate(&self, len: usize) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let context = Context::new(self)?;
        let (mut ciphertext, mut secret) = (vec![0; len], Zeroizing::new(vec![0; SHARED_SECRET_BYTES]));
        let (mut ciphertext_len, mut secret_len) = (ciphertext.len(), secret.len());
        // SAFETY: the context is live and belongs to no other thread; both buffers have as many bytes as their lengths
        // say.
        ok("EVP_PKEY_encapsulate", unsafe {
            let (to, hidden) = (ciphertext.as_mut_ptr(), secret.as_mut_ptr());
            lc::EVP_PKEY_encapsulate(context.0.as_ptr(), to, &raw mut ciphertext_len, hidden, &raw mut secret_len)
        })?;
        ciphertext.truncate(ciphertext_len);
        secret.truncate(secret_len);
        Ok((ciphertext, secret))
    }

    /// The secret inside a ciphertext.
    pub fn ml_kem_decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let context = Context::new(self)?;
        let mut secret = Zeroizing::new(vec![0; SHARED_SECRET_BYTES]);
        let mut len = secret.len();
        // SAFETY: as in `ml_kem_encapsulate`.
        ok("EVP_PKEY_decapsulate", unsafe {
            let (to, from) = (secret.as_mut_ptr(), ciphertext.as_ptr());
            lc::EVP_PKEY_decapsulate(context.0.as_ptr(), to, &raw mut len, from, ciphertext.len())
        })?;
        secret.truncate(len);
        Ok(secret)
    }
}
