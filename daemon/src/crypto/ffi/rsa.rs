//! RSA: making keys, bare blocks, PKCS#1 v1.5, PSS and OAEP.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use softkeep_proto::algorithm::Hash;
use zeroize::Zeroizing;

use super::number::Number;
use super::pkey::{Context, Pkey};
use super::{Failed, Result, failed, md, ok};

/// How an RSA block is made from what the caller gives.
#[derive(Clone, Copy)]
pub enum Block {
    /// PKCS#1 v1.5 block type 1.
    Pkcs1,
    /// The caller's bytes, as many as the modulus has.
    Bare,
}

/// The parameters of PSS.
#[derive(Clone, Copy)]
pub struct Pss {
    pub hash: Hash,
    pub mgf: Hash,
    pub salt_len_bytes: usize,
}

/// The parameters of OAEP.
pub struct Oaep<'a> {
    hash: Hash,
    mgf: Hash,
    label: &'a [u8],
}

impl<'a> Oaep<'a> {
    pub fn new(hash: Hash, mgf: Hash, label: &'a [u8]) -> Self {
        Self { hash, mgf, label }
    }
}

/// Makes a key with the exponent 65537 (FIPS 186-5 appendix A.1.3), as RSAPrivateKey DER (RFC 8017 appendix A.1.2).
pub fn generate(bits: u32) -> Result<Zeroizing<Vec<u8>>> {
    let exponent = Number::new(&[1, 0, 1])?;
    let bits = c_int::try_from(bits).map_err(|_| Failed("the size"))?;
    // SAFETY: null or a key that is ours.
    let rsa = NonNull::new(unsafe { lc::RSA_new() }).map(Rsa).ok_or_else(|| failed("RSA_new"))?;
    // SAFETY: the key is empty and ours, the exponent live; no callback.
    ok("RSA_generate_key_ex", unsafe {
        lc::RSA_generate_key_ex(rsa.0.as_ptr(), bits, exponent.0.as_ptr(), ptr::null_mut())
    })?;
    let (mut bytes, mut len) = (ptr::null_mut(), 0);
    // SAFETY: the key is live; the bytes are ours to free when the call succeeds.
    ok("RSA_private_key_to_bytes", unsafe {
        lc::RSA_private_key_to_bytes(&raw mut bytes, &raw mut len, rsa.0.as_ptr())
    })?;
    // SAFETY: `bytes` has `len` bytes and is ours; OPENSSL_free wipes it.
    unsafe {
        let der = Zeroizing::new(std::slice::from_raw_parts(bytes, len).to_vec());
        lc::OPENSSL_free(bytes.cast());
        Ok(der)
    }
}

/// A key that is not in a `Pkey`.
struct Rsa(NonNull<lc::RSA>);

impl Drop for Rsa {
    fn drop(&mut self) {
        // SAFETY: the key is ours alone; its numbers are wiped.
        unsafe { lc::RSA_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    /// The RSA private operation, blinded and its result checked (rsa_impl.c, rsa_default_private_transform).
    pub fn rsa_sign(&self, block: Block, input: &[u8]) -> Result<Vec<u8>> {
        let rsa = self.rsa()?;
        let mut out = vec![0; rsa_len(rsa)];
        let mut len = 0;
        // SAFETY: `out` has RSA_size bytes and says so; aws-lc locks what it caches in `rsa`.
        ok("RSA_sign_raw", unsafe {
            let (input, input_len) = (input.as_ptr(), input.len());
            lc::RSA_sign_raw(rsa, &raw mut len, out.as_mut_ptr(), out.len(), input, input_len, padding(block))
        })?;
        out.truncate(len);
        Ok(out)
    }

    /// The RSA public operation: what a signature holds, once its padding was checked.
    pub fn rsa_recover(&self, block: Block, signature: &[u8]) -> Result<Vec<u8>> {
        let rsa = self.rsa()?;
        let mut out = vec![0; rsa_len(rsa)];
        let mut len = 0;
        // SAFETY: as in `rsa_sign`.
        ok("RSA_verify_raw", unsafe {
            let (input, input_len) = (signature.as_ptr(), signature.len());
            lc::RSA_verify_raw(rsa, &raw mut len, out.as_mut_ptr(), out.len(), input, input_len, padding(block))
        })?;
        out.truncate(len);
        Ok(out)
    }

    /// RSASSA-PSS over a digest, with a salt of exactly this length.
    pub fn rsa_sign_pss(&self, pss: Pss, digest: &[u8]) -> Result<Vec<u8>> {
        let rsa = self.rsa()?;
        let salt_len = salt_len(pss)?;
        let mut out = vec![0; rsa_len(rsa)];
        let mut len = 0;
        // SAFETY: as in `rsa_sign`; the two EVP_MD are static, and aws-lc compares the digest's length with the first.
        ok("RSA_sign_pss_mgf1", unsafe {
            let (out, out_len, md, mgf) = (out.as_mut_ptr(), out.len(), md(pss.hash), md(pss.mgf));
            lc::RSA_sign_pss_mgf1(rsa, &raw mut len, out, out_len, digest.as_ptr(), digest.len(), md, mgf, salt_len)
        })?;
        out.truncate(len);
        Ok(out)
    }

    /// Verifies RSASSA-PSS with a salt of exactly this length.
    pub fn rsa_verify_pss(&self, pss: Pss, digest: &[u8], signature: &[u8]) -> bool {
        let (Ok(rsa), Ok(salt_len)) = (self.rsa(), salt_len(pss)) else { return false };
        // SAFETY: both slices are valid and only read; the two EVP_MD are static.
        ok("RSA_verify_pss_mgf1", unsafe {
            let (md, mgf, signature_len) = (md(pss.hash), md(pss.mgf), signature.len());
            let (digest, digest_len) = (digest.as_ptr(), digest.len());
            lc::RSA_verify_pss_mgf1(rsa, digest, digest_len, md, mgf, salt_len, signature.as_ptr(), signature_len)
        })
        .is_ok()
    }

    /// The RSA private operation on a ciphertext: the whole block, as long as the modulus. Blinded and checked.
    pub fn rsa_decrypt_bare(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let rsa = self.rsa()?;
        let mut out = Zeroizing::new(vec![0; rsa_len(rsa)]);
        let mut len = 0;
        // SAFETY: as in `rsa_sign`.
        ok("RSA_decrypt", unsafe {
            let (from, from_len) = (ciphertext.as_ptr(), ciphertext.len());
            lc::RSA_decrypt(rsa, &raw mut len, out.as_mut_ptr(), out.len(), from, from_len, lc::RSA_NO_PADDING)
        })?;
        if len == out.len() { Ok(out) } else { Err(failed("RSA_decrypt")) }
    }

    /// RSAES-PKCS1-v1_5 encryption.
    pub fn pkcs1_encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>> {
        let rsa = self.rsa()?;
        let mut out = vec![0; rsa_len(rsa)];
        let mut len = 0;
        // SAFETY: as in `rsa_sign`.
        ok("RSA_encrypt", unsafe {
            let (from, from_len) = (plaintext.as_ptr(), plaintext.len());
            lc::RSA_encrypt(rsa, &raw mut len, out.as_mut_ptr(), out.len(), from, from_len, lc::RSA_PKCS1_PADDING)
        })?;
        out.truncate(len);
        Ok(out)
    }

    /// RSAES-OAEP encryption.
    pub fn oaep_encrypt(&self, oaep: &Oaep<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut out = vec![0; rsa_len(self.rsa()?)];
        let mut len = out.len();
        let context = Context::new(self)?;
        // SAFETY: the context is live and belongs to no other thread; `out` has RSA_size bytes and `len` says so.
        unsafe {
            ok("EVP_PKEY_encrypt_init", lc::EVP_PKEY_encrypt_init(context.0.as_ptr()))?;
            context.set_oaep(oaep)?;
            let (out, context) = (out.as_mut_ptr(), context.0.as_ptr());
            let (input, input_len) = (plaintext.as_ptr(), plaintext.len());
            ok("EVP_PKEY_encrypt", lc::EVP_PKEY_encrypt(context, out, &raw mut len, input, input_len))?;
        }
        out.truncate(len);
        Ok(out)
    }

    /// RSAES-OAEP decryption. aws-lc looks at the padding in constant time up to its one verdict.
    pub fn oaep_decrypt(&self, oaep: &Oaep<'_>, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        // As long as the modulus, which is longer than any plaintext: it never grows and so leaves no copy behind.
        let mut out = Zeroizing::new(vec![0; rsa_len(self.rsa()?)]);
        let mut len = out.len();
        let context = Context::new(self)?;
        // SAFETY: as in `oaep_encrypt`.
        unsafe {
            ok("EVP_PKEY_decrypt_init", lc::EVP_PKEY_decrypt_init(context.0.as_ptr()))?;
            context.set_oaep(oaep)?;
            let (out, context) = (out.as_mut_ptr(), context.0.as_ptr());
            let (input, input_len) = (ciphertext.as_ptr(), ciphertext.len());
            ok("EVP_PKEY_decrypt", lc::EVP_PKEY_decrypt(context, out, &raw mut len, input, input_len))?;
        }
        out.truncate(len);
        Ok(out)
    }
}

impl Context {
    /// Chooses OAEP, after the context was told to encrypt or decrypt.
    fn set_oaep(&self, oaep: &Oaep<'_>) -> Result<()> {
        let context = self.0.as_ptr();
        // SAFETY: the context is live; the EVP_MD are static.
        unsafe {
            let padding = lc::EVP_PKEY_CTX_set_rsa_padding(context, lc::RSA_PKCS1_OAEP_PADDING);
            ok("EVP_PKEY_CTX_set_rsa_padding", padding)?;
            let hash = lc::EVP_PKEY_CTX_set_rsa_oaep_md(context, md(oaep.hash));
            ok("EVP_PKEY_CTX_set_rsa_oaep_md", hash)?;
            ok("EVP_PKEY_CTX_set_rsa_mgf1_md", lc::EVP_PKEY_CTX_set_rsa_mgf1_md(context, md(oaep.mgf)))?;
        }
        if oaep.label.is_empty() {
            return Ok(());
        }
        // SAFETY: the copy is made with aws-lc's allocator because the context frees it with that; when the context
        // does not take it, it is still ours, and freeing null is allowed.
        unsafe {
            let label = lc::OPENSSL_memdup(oaep.label.as_ptr().cast(), oaep.label.len());
            let taken =
                !label.is_null() && lc::EVP_PKEY_CTX_set0_rsa_oaep_label(context, label.cast(), oaep.label.len()) == 1;
            if !taken {
                lc::OPENSSL_free(label);
                return Err(failed("EVP_PKEY_CTX_set0_rsa_oaep_label"));
            }
        }
        Ok(())
    }
}

fn rsa_len(rsa: *const lc::RSA) -> usize {
    // SAFETY: every caller has `rsa` from `Pkey::rsa`, never null and live.
    unsafe { lc::RSA_size(rsa) as usize }
}

fn padding(block: Block) -> c_int {
    match block {
        Block::Pkcs1 => lc::RSA_PKCS1_PADDING,
        Block::Bare => lc::RSA_NO_PADDING,
    }
}

/// Negative salt lengths have special meanings in C; ours have none.
fn salt_len(pss: Pss) -> Result<c_int> {
    c_int::try_from(pss.salt_len_bytes).map_err(|_| Failed("the salt's length"))
}
