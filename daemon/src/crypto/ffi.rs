//! The only unsafe code of the daemon: the few functions of `aws-lc-sys` that `aws-lc-rs` has no safe form of. Nothing
//! is decided here; `aws_lc.rs` has checked every input before, and these wrappers are sound even if it had not.
//!
//! What all the SAFETY comments rely on: a slice's pointer is valid for its length for as long as the call runs, and
//! the C functions keep no pointer to it; `Pkey` owns one reference to a live EVP_PKEY, so what its get0 functions lend
//! lives as long as `&self`.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fmt;
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType};
use zeroize::Zeroizing;

/// aws-lc said no. It names the call; aws-lc's own words are thrown away with its error queue, because they say more
/// about a ciphertext's padding than anybody should know.
#[derive(Debug)]
pub struct Failed(&'static str);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws-lc: {} failed", self.0)
    }
}

impl std::error::Error for Failed {}

type Result<T> = std::result::Result<T, Failed>;

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
    pub fn of(scheme: &'a EncryptScheme) -> Self {
        let EncryptScheme::RsaOaep { hash, mgf, label } = scheme;
        Self { hash: *hash, mgf: *mgf, label }
    }
}

/// A key that aws-lc has parsed. The memory of its secret numbers is wiped when it is freed (OPENSSL_free cleanses).
pub struct Pkey(NonNull<lc::EVP_PKEY>);

// SAFETY: an EVP_PKEY is not bound to a thread: its reference count is atomic, and it may be freed on any thread.
unsafe impl Send for Pkey {}

// SAFETY: after parsing, nothing here changes the key. Signing, verifying, encrypting and decrypting with one key on
// several threads is allowed by evp.h and rsa.h ("may be used concurrently"); what aws-lc caches inside (Montgomery
// values, blinding factors) it guards with the key's own lock, one blinding for each concurrent user.
unsafe impl Sync for Pkey {}

impl Drop for Pkey {
    fn drop(&mut self) {
        // SAFETY: this is the one reference that the parser gave us.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    /// Parses PKCS#8 DER (RFC 5958).
    pub fn parse_private(der: &[u8]) -> Result<Self> {
        Self::parse("EVP_parse_private_key", der, lc::EVP_parse_private_key)
    }

    /// Parses SubjectPublicKeyInfo DER.
    pub fn parse_public(der: &[u8]) -> Result<Self> {
        Self::parse("EVP_parse_public_key", der, lc::EVP_parse_public_key)
    }

    fn parse(
        name: &'static str,
        der: &[u8],
        parse: unsafe extern "C" fn(*mut lc::CBS) -> *mut lc::EVP_PKEY,
    ) -> Result<Self> {
        let mut rest = lc::CBS { data: der.as_ptr(), len: der.len() };
        // SAFETY: `rest` describes `der`, which outlives the call; the parser copies what it keeps and only moves
        // `rest` forward. It returns null or a reference that is ours.
        let pkey = NonNull::new(unsafe { parse(&raw mut rest) }).map(Self);
        match pkey {
            Some(pkey) if rest.len == 0 => Ok(pkey),
            _ => Err(failed(name)),
        }
    }

    /// The type as aws-lc sees it; `None` for types we do not use.
    pub fn key_type(&self) -> Option<KeyType> {
        // SAFETY: the key is live.
        let id = unsafe { lc::EVP_PKEY_id(self.0.as_ptr()) };
        match id {
            lc::EVP_PKEY_RSA => {
                let rsa = self.rsa().ok()?;
                // SAFETY: `rsa` belongs to the live key.
                Some(KeyType::Rsa(unsafe { lc::RSA_bits(rsa) }))
            }
            lc::EVP_PKEY_EC => {
                let key = self.ec().ok()?;
                // SAFETY: `key` belongs to the live key; a parsed EC key always has a group, and the function gives
                // NID_undef for one without a name.
                let nid = unsafe { lc::EC_GROUP_get_curve_name(lc::EC_KEY_get0_group(key)) };
                match nid {
                    lc::NID_X9_62_prime256v1 => Some(KeyType::Ec(Curve::P256)),
                    lc::NID_secp384r1 => Some(KeyType::Ec(Curve::P384)),
                    lc::NID_secp521r1 => Some(KeyType::Ec(Curve::P521)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Checks that the secret numbers fit the public ones. An RSA key must have its primes and its public exponent:
    /// aws-lc would also take one without, and then neither blind nor check what it computes.
    pub fn check_private(&self) -> Result<()> {
        if let Ok(rsa) = self.rsa() {
            // SAFETY: `rsa` belongs to the live key; the getters lend pointers that are only compared with null.
            let whole = unsafe {
                !lc::RSA_get0_p(rsa).is_null()
                    && !lc::RSA_get0_e(rsa).is_null()
                    && !lc::RSA_get0_d(rsa).is_null()
                    && lc::RSA_check_key(rsa) == 1
            };
            return if whole { Ok(()) } else { Err(failed("RSA_check_key")) };
        }
        let key = self.ec()?;
        // SAFETY: `key` belongs to the live key.
        ok("EC_KEY_check_key", unsafe { lc::EC_KEY_check_key(key) })
    }

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

    /// ECDSA over the leftmost bits of the digest: r‖s, each `width` bytes.
    pub fn ecdsa_sign(&self, digest: &[u8], width: usize) -> Result<Vec<u8>> {
        let key = self.ec()?;
        // SAFETY: the digest is valid and only read, `key` belongs to the live key; null or a signature that is ours.
        let signature = unsafe { lc::ECDSA_do_sign(digest.as_ptr(), digest.len(), key) };
        let signature = NonNull::new(signature).map(EcdsaSig).ok_or_else(|| failed("ECDSA_do_sign"))?;
        let mut out = vec![0; 2 * width];
        let (r_out, s_out) = out.split_at_mut(width);
        let (mut r, mut s) = (ptr::null(), ptr::null());
        // SAFETY: the signature is live and lends its two numbers, never null, for as long; each half of `out` has
        // `width` bytes, and a number that needs more is refused.
        unsafe {
            lc::ECDSA_SIG_get0(signature.0.as_ptr(), &raw mut r, &raw mut s);
            ok("BN_bn2bin_padded", lc::BN_bn2bin_padded(r_out.as_mut_ptr(), r_out.len(), r))?;
            ok("BN_bn2bin_padded", lc::BN_bn2bin_padded(s_out.as_mut_ptr(), s_out.len(), s))?;
        }
        Ok(out)
    }

    /// Verifies ECDSA.
    pub fn ecdsa_verify(&self, digest: &[u8], r: &[u8], s: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (self.ec(), EcdsaSig::new(r, s)) else { return false };
        // SAFETY: the digest is valid and only read; `signature` and `key` are live.
        let verdict = unsafe { lc::ECDSA_do_verify(digest.as_ptr(), digest.len(), signature.0.as_ptr(), key) };
        ok("ECDSA_do_verify", verdict).is_ok()
    }

    fn rsa(&self) -> Result<*mut lc::RSA> {
        // SAFETY: the key is live; null for another type of key, else lent for as long as the key lives.
        let rsa = unsafe { lc::EVP_PKEY_get0_RSA(self.0.as_ptr()) };
        if rsa.is_null() { Err(failed("EVP_PKEY_get0_RSA")) } else { Ok(rsa) }
    }

    fn ec(&self) -> Result<*mut lc::EC_KEY> {
        // SAFETY: as in `rsa`.
        let key = unsafe { lc::EVP_PKEY_get0_EC_KEY(self.0.as_ptr()) };
        if key.is_null() { Err(failed("EVP_PKEY_get0_EC_KEY")) } else { Ok(key) }
    }
}

/// An EVP_PKEY_CTX: one operation with one key, on one thread.
struct Context(NonNull<lc::EVP_PKEY_CTX>);

impl Context {
    fn new(pkey: &Pkey) -> Result<Self> {
        // SAFETY: the key is live, and the context takes a reference of its own; no engine.
        let context = unsafe { lc::EVP_PKEY_CTX_new(pkey.0.as_ptr(), ptr::null_mut()) };
        NonNull::new(context).map(Self).ok_or_else(|| failed("EVP_PKEY_CTX_new"))
    }

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

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// An ECDSA signature as two numbers.
struct EcdsaSig(NonNull<lc::ECDSA_SIG>);

impl EcdsaSig {
    fn new(r: &[u8], s: &[u8]) -> Result<Self> {
        // SAFETY: null or a signature that is ours.
        let signature = NonNull::new(unsafe { lc::ECDSA_SIG_new() }).map(Self);
        let signature = signature.ok_or_else(|| failed("ECDSA_SIG_new"))?;
        // SAFETY: BN_bin2bn reads the slices and gives null or a number that is ours; ECDSA_SIG_set0 refuses nulls and
        // takes both numbers only when it succeeds, so otherwise both are still ours; freeing null is allowed.
        unsafe {
            let r = lc::BN_bin2bn(r.as_ptr(), r.len(), ptr::null_mut());
            let s = lc::BN_bin2bn(s.as_ptr(), s.len(), ptr::null_mut());
            if lc::ECDSA_SIG_set0(signature.0.as_ptr(), r, s) != 1 {
                lc::BN_free(r);
                lc::BN_free(s);
                return Err(failed("ECDSA_SIG_set0"));
            }
        }
        Ok(signature)
    }
}

impl Drop for EcdsaSig {
    fn drop(&mut self) {
        // SAFETY: the signature is ours alone and owns its numbers.
        unsafe { lc::ECDSA_SIG_free(self.0.as_ptr()) }
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

fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: these functions take nothing and return pointers to static tables.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
        }
    }
}

/// C's 1 is success; everything else is not.
fn ok(call: &'static str, result: c_int) -> Result<()> {
    if result == 1 { Ok(()) } else { Err(failed(call)) }
}

/// A failure, with the thread's error queue emptied: nothing of it may show up in a later call.
fn failed(call: &'static str) -> Failed {
    // SAFETY: touches only the calling thread's queue.
    unsafe { lc::ERR_clear_error() }
    Failed(call)
}
