//! Keys as aws-lc parses and holds them; and one operation's context.

use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use softkeep_proto::algorithm::{Curve, KeyType, MlDsaSet, MlKemSet};

use super::{Result, failed, ok};

/// A key that aws-lc has parsed. The memory of its secret numbers is wiped when it is freed (OPENSSL_free cleanses).
pub struct Pkey(pub(super) NonNull<lc::EVP_PKEY>);

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
                    lc::NID_secp256k1 => Some(KeyType::Ec(Curve::P256K)),
                    _ => None,
                }
            }
            lc::EVP_PKEY_PQDSA => {
                // SAFETY: the key is live and of this type.
                let nid = unsafe { lc::EVP_PKEY_pqdsa_get_type(self.0.as_ptr()) };
                match nid {
                    lc::NID_MLDSA44 => Some(KeyType::MlDsa(MlDsaSet::MlDsa44)),
                    lc::NID_MLDSA65 => Some(KeyType::MlDsa(MlDsaSet::MlDsa65)),
                    lc::NID_MLDSA87 => Some(KeyType::MlDsa(MlDsaSet::MlDsa87)),
                    _ => None,
                }
            }
            lc::EVP_PKEY_KEM => {
                // SAFETY: the key is live and of this type.
                let nid = unsafe { lc::EVP_PKEY_kem_get_type(self.0.as_ptr()) };
                match nid {
                    lc::NID_MLKEM512 => Some(KeyType::MlKem(MlKemSet::MlKem512)),
                    lc::NID_MLKEM768 => Some(KeyType::MlKem(MlKemSet::MlKem768)),
                    lc::NID_MLKEM1024 => Some(KeyType::MlKem(MlKemSet::MlKem1024)),
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
        // The other types were computed from their seeds, or checked, when they were parsed.
        let Ok(key) = self.ec() else { return Ok(()) };
        // SAFETY: `key` belongs to the live key.
        ok("EC_KEY_check_key", unsafe { lc::EC_KEY_check_key(key) })
    }

    pub(super) fn rsa(&self) -> Result<*mut lc::RSA> {
        // SAFETY: the key is live; null for another type of key, else lent for as long as the key lives.
        let rsa = unsafe { lc::EVP_PKEY_get0_RSA(self.0.as_ptr()) };
        if rsa.is_null() { Err(failed("EVP_PKEY_get0_RSA")) } else { Ok(rsa) }
    }

    pub(super) fn ec(&self) -> Result<*mut lc::EC_KEY> {
        // SAFETY: as in `rsa`.
        let key = unsafe { lc::EVP_PKEY_get0_EC_KEY(self.0.as_ptr()) };
        if key.is_null() { Err(failed("EVP_PKEY_get0_EC_KEY")) } else { Ok(key) }
    }
}

/// An EVP_PKEY_CTX: one operation with one key, on one thread.
pub(super) struct Context(pub(super) NonNull<lc::EVP_PKEY_CTX>);

impl Context {
    pub(super) fn new(pkey: &Pkey) -> Result<Self> {
        // SAFETY: the key is live, and the context takes a reference of its own; no engine.
        let context = unsafe { lc::EVP_PKEY_CTX_new(pkey.0.as_ptr(), ptr::null_mut()) };
        NonNull::new(context).map(Self).ok_or_else(|| failed("EVP_PKEY_CTX_new"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}
