//! The default backend: aws-lc, by `aws-lc-rs` where its interface is wide enough (making keys) and by `ffi.rs` where
//! it is not (raw RSA blocks, digests of any length, a different hash inside MGF1).

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
};
use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::ffi::{Block, Failed, Oaep, Pkey, Pss};
use super::input::{check_encrypt_key, check_plaintext, check_sign_input, left_pad};
use super::key_info::{self, PublicInfo, check_rsa_size, check_usable};
use super::{Backend, PrivateKey, PublicKey, signature_len};
use crate::error::{Error, ErrorCode, Result};

/// aws-lc: constant time, RSA blinded and checked, all memory wiped when freed.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

/// A key in aws-lc's hands, with its public side in ours. As long as it has no `Debug`, neither has a private key.
struct OpenKey {
    pkey: Pkey,
    public: PublicInfo,
}

/// An [`OpenKey`] that was parsed from a private key.
struct OpenPrivate(OpenKey);

/// An [`OpenKey`] that was parsed from a public key.
struct OpenPublic(OpenKey);

impl Backend for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc"
    }

    fn generate(&self, key_type: KeyType) -> Result<Zeroizing<Vec<u8>>> {
        let failed = |_| Error::internal("aws-lc made no key");
        // What aws-lc-rs gives is wiped when it is dropped; so is our copy.
        match key_type {
            KeyType::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return Err(unsupported_size(bits)),
                };
                let pair = aws_lc_rs::rsa::KeyPair::generate(size).map_err(failed)?;
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
            }
            KeyType::Ec(curve) => {
                let algorithm = match curve {
                    Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
                    Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
                    Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
                };
                let pkcs8 = EcdsaKeyPair::generate(algorithm).and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?;
                Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
            }
        }
    }

    fn open(&self, pkcs8_der: &[u8]) -> Result<Arc<dyn PrivateKey>> {
        let public = key_info::public_info_of_private(pkcs8_der)?;
        let key = OpenKey::new(public, || Pkey::parse_private(pkcs8_der))?;
        key.pkey.check_private().map_err(rejected)?;
        Ok(Arc::new(OpenPrivate(key)))
    }

    fn open_public(&self, spki_der: &[u8]) -> Result<Arc<dyn PublicKey>> {
        let public = key_info::public_info(spki_der)?;
        // Our own encoding, so that aws-lc reads what we have read.
        let spki_der = public.spki_der.clone();
        Ok(Arc::new(OpenPublic(OpenKey::new(public, || Pkey::parse_public(&spki_der))?)))
    }
}

impl OpenKey {
    fn new(public: PublicInfo, parse: impl FnOnce() -> std::result::Result<Pkey, Failed>) -> Result<Self> {
        check_usable(&public)?;
        let pkey = parse().map_err(rejected)?;
        // Two parsers read this key. They must have seen the same one.
        if pkey.key_type() != Some(public.key_type) {
            return Err(Error::new(ErrorCode::KeyInvalid, "the key can be read in two ways"));
        }
        Ok(Self { pkey, public })
    }
}

impl PrivateKey for OpenPrivate {
    fn key_type(&self) -> KeyType {
        self.0.public.key_type
    }

    fn sign(&self, scheme: SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        let OpenKey { pkey, public } = &self.0;
        check_sign_input(public, scheme, input)?;
        match scheme {
            SignScheme::RsaPkcs1(hash) => pkey.rsa_sign(Block::Pkcs1, &digest_info(hash, input)),
            SignScheme::RsaPkcs1Raw => pkey.rsa_sign(Block::Pkcs1, input),
            SignScheme::RsaRaw => pkey.rsa_sign(Block::Bare, &left_pad(input, signature_len(public.key_type))),
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                pkey.rsa_sign_pss(Pss { hash, mgf, salt_len_bytes }, input)
            }
            SignScheme::Ecdsa => pkey.ecdsa_sign(input, signature_len(public.key_type) / 2),
        }
        .map_err(Error::internal)
    }

    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let OpenKey { pkey, public } = &self.0;
        check_encrypt_key(public.key_type)?;
        // The cause is dropped on purpose, also for the log.
        pkey.oaep_decrypt(&Oaep::of(scheme), ciphertext).map_err(|_| Error::decrypt_failed())
    }
}

impl PublicKey for OpenPublic {
    fn key_type(&self) -> KeyType {
        self.0.public.key_type
    }

    fn verify(&self, scheme: SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        let OpenKey { pkey, public } = &self.0;
        check_sign_input(public, scheme, input)?;
        let len = signature_len(public.key_type);
        if signature.len() != len {
            return Ok(false);
        }
        // RSA_verify_raw checks the whole padding and gives what it holds; the padding leaves no other reading of it.
        let holds = |block, expected: &[u8]| pkey.rsa_recover(block, signature).is_ok_and(|found| found == expected);
        Ok(match scheme {
            SignScheme::RsaPkcs1(hash) => holds(Block::Pkcs1, &digest_info(hash, input)),
            SignScheme::RsaPkcs1Raw => holds(Block::Pkcs1, input),
            SignScheme::RsaRaw => holds(Block::Bare, &left_pad(input, len)),
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                pkey.rsa_verify_pss(Pss { hash, mgf, salt_len_bytes }, input, signature)
            }
            SignScheme::Ecdsa => {
                let (r, s) = signature.split_at(len / 2);
                pkey.ecdsa_verify(input, r, s)
            }
        })
    }

    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>> {
        let OpenKey { pkey, public } = &self.0;
        check_plaintext(public.key_type, scheme, plaintext)?;
        pkey.oaep_encrypt(&Oaep::of(scheme), plaintext).map_err(Error::internal)
    }
}

/// What PKCS#1 v1.5 signs: the hash's name and the digest (RFC 8017 section 9.2 step 2).
fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    [hash.digest_info_prefix(), digest].concat()
}

fn rejected(cause: Failed) -> Error {
    Error::new(ErrorCode::KeyInvalid, "the key's numbers do not fit together").because(cause)
}

fn unsupported_size(bits: u32) -> Error {
    check_rsa_size(bits).err().unwrap_or_else(|| Error::internal("an RSA size that only the table knows"))
}
