//! The default backend: aws-lc, by `aws-lc-rs` where its interface is wide enough (making keys) and by `ffi.rs` where
//! it is not (raw RSA blocks, digests of any length, a different hash inside MGF1). What aws-lc has not, `portable.rs`
//! does: Ed448, X448 and deterministic ML-DSA.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
};
use softkeep_proto::algorithm::{Curve, EdwardsCurve, EncryptScheme, Hash, KeyType, MontgomeryCurve, SignScheme};
use zeroize::Zeroizing;

use super::ffi::Failed;
use super::ffi::pkey::Pkey;
use super::ffi::rsa::{self, Block, Oaep, Pss};
use super::input::{
    cannot, check_capsule, check_ciphertext, check_peer, check_pkcs1_len, check_plaintext, check_sign_input, left_pad,
};
use super::key_info::{self, PublicInfo, check_rsa_size, check_usable};
use super::key_parts::{self, PrivateParts, Secret};
use super::pkcs1_v15::RejectionKey;
use super::portable::{Portable, PortablePublic, unreachable_scheme};
use super::{Backend, PrivateKey, PublicKey, lattice, signature_len};
use crate::error::{Error, ErrorCode, Result};

mod curve25519;

/// aws-lc: constant time, RSA blinded and checked, all memory wiped when freed.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

/// A key in aws-lc's hands, with its public side in ours. As long as it has no `Debug`, neither has a private key.
struct OpenKey {
    pkey: Pkey,
    public: PublicInfo,
}

/// An [`OpenKey`] that was parsed from a private key.
struct OpenPrivate {
    key: OpenKey,
    extra: Extra,
}

/// What some types need besides.
enum Extra {
    None,
    /// RSA: for bad paddings of PKCS#1 v1.5.
    Rejection(Box<RejectionKey>),
    /// ML-DSA: the expanded key, for signatures without random, which aws-lc does not make.
    Expanded(Secret),
}

/// An [`OpenKey`] that was parsed from a public key.
struct OpenPublic(OpenKey);

impl Backend for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc"
    }

    fn generate(&self, key_type: KeyType) -> Result<Zeroizing<Vec<u8>>> {
        if let Some(key) = key_parts::random_pkcs8(key_type)? {
            return Ok(key);
        }
        let failed = |_| Error::internal("aws-lc made no key");
        // What aws-lc-rs gives is wiped when it is dropped; so is our copy.
        match key_type {
            KeyType::Rsa(bits) => {
                check_rsa_size(bits)?;
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return key_parts::rsa_pkcs8_of_pkcs1(&rsa::generate(bits).map_err(Error::internal)?),
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
                    Curve::P256K => &ECDSA_P256K1_SHA256_FIXED_SIGNING,
                };
                let pkcs8 = EcdsaKeyPair::generate(algorithm).and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?;
                Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
            }
            _ => Err(key_parts::needs_parameters()),
        }
    }

    fn open(&self, pkcs8_der: &[u8]) -> Result<Arc<dyn PrivateKey>> {
        let public = key_info::public_info_of_private(pkcs8_der)?;
        check_usable(&public)?;
        let parts = key_parts::parts_of(pkcs8_der)?;
        let (der, extra) = match parts {
            PrivateParts::Edwards(EdwardsCurve::Ed25519, seed) => return curve25519::open_ed25519(public, &seed),
            PrivateParts::Montgomery(MontgomeryCurve::X25519, secret) => {
                return curve25519::open_x25519(public, &secret);
            }
            PrivateParts::Edwards(..) | PrivateParts::Montgomery(..) => return Ok(Portable::open(public, parts)),
            PrivateParts::Dh { p, value, .. } => return Ok(Arc::new(DhPrivate { public, p, value })),
            PrivateParts::Rsa { d, .. } => {
                let rejection = RejectionKey::of(&d, signature_len(public.key_type));
                (None, Extra::Rejection(Box::new(rejection)))
            }
            PrivateParts::Ec(..) => (None, Extra::None),
            // Our own encoding: aws-lc reads not all the choices that the RFCs have.
            PrivateParts::MlDsa(set, seed, expanded) => {
                let der = key_parts::ml_dsa_pkcs8(set, seed.as_ref().unwrap_or(&expanded))?;
                (Some(der), Extra::Expanded(expanded))
            }
            PrivateParts::MlKem(set, seed, expanded) => {
                (Some(key_parts::ml_kem_pkcs8(set, seed.as_ref().unwrap_or(&expanded))?), Extra::None)
            }
        };
        let key = OpenKey::new(public, || Pkey::parse_private(der.as_ref().map_or(pkcs8_der, |der| der)))?;
        key.pkey.check_private().map_err(rejected)?;
        Ok(Arc::new(OpenPrivate { key, extra }))
    }

    fn open_public(&self, spki_der: &[u8]) -> Result<Arc<dyn PublicKey>> {
        let public = key_info::public_info(spki_der)?;
        match public.key_type {
            KeyType::Edwards(EdwardsCurve::Ed25519) => return curve25519::open_ed25519_public(public),
            KeyType::Edwards(_) | KeyType::Montgomery(_) | KeyType::Dh(_) => {
                check_usable(&public)?;
                return Ok(PortablePublic::open(public));
            }
            _ => {}
        }
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
        self.key.public.key_type
    }

    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        let OpenKey { pkey, public } = &self.key;
        check_sign_input(public, scheme, input)?;
        let len = signature_len(public.key_type);
        match scheme {
            SignScheme::RsaPkcs1(hash) => pkey.rsa_sign(Block::Pkcs1, &digest_info(*hash, input)),
            SignScheme::RsaPkcs1Raw => pkey.rsa_sign(Block::Pkcs1, input),
            SignScheme::RsaRaw => pkey.rsa_sign(Block::Bare, &left_pad(input, len)),
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                pkey.rsa_sign_pss(Pss { hash: *hash, mgf: *mgf, salt_len_bytes: *salt_len_bytes }, input)
            }
            SignScheme::Ecdsa => pkey.ecdsa_sign(input, len / 2),
            SignScheme::MlDsaMu { deterministic: false } => pkey.ml_dsa_sign(input, len),
            SignScheme::MlDsaMu { deterministic: true } => {
                return match (public.key_type, &self.extra) {
                    (KeyType::MlDsa(set), Extra::Expanded(expanded)) => {
                        lattice::ml_dsa_sign(set, expanded, input, true)
                    }
                    _ => Err(unreachable_scheme()),
                };
            }
            SignScheme::EdDsa { .. } => return Err(unreachable_scheme()),
        }
        .map_err(Error::internal)
    }

    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        // The cause is dropped on purpose, also for the log.
        match scheme {
            EncryptScheme::RsaOaep { hash, mgf, label } => {
                let (KeyType::Rsa(_), pkey) = (self.key_type(), &self.key.pkey) else {
                    return Err(cannot(self.key_type(), "decrypt"));
                };
                pkey.oaep_decrypt(&Oaep::new(*hash, *mgf, label), ciphertext).map_err(|_| Error::decrypt_failed())
            }
            EncryptScheme::RsaPkcs1 => {
                let (rejection, block) = self.pkcs1_block(ciphertext)?;
                Ok(rejection.unpad(ciphertext, &block))
            }
            EncryptScheme::RsaRaw => self.bare_block(ciphertext),
        }
    }

    fn decrypt_pkcs1_to_len(&self, ciphertext: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
        check_pkcs1_len(&self.key.public, len)?;
        let (rejection, block) = self.pkcs1_block(ciphertext)?;
        Ok(rejection.unpad_to_len(ciphertext, &block, len))
    }

    fn agree(&self, peer_public: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_peer(self.key_type(), peer_public)?;
        let KeyType::Ec(curve) = self.key_type() else { return Err(cannot(self.key_type(), "agree on a secret")) };
        self.key.pkey.ecdh(peer_public, curve.width_bytes()).map_err(|cause| {
            Error::new(ErrorCode::InvalidParameters, "the peer's public key is no point of the curve").because(cause)
        })
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_capsule(self.key_type(), ciphertext)?;
        self.key.pkey.ml_kem_decapsulate(ciphertext).map_err(Error::internal)
    }
}

impl OpenPrivate {
    /// What a ciphertext decrypts to, padding and all.
    fn bare_block(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_ciphertext(&self.key.public, ciphertext)?;
        self.key.pkey.rsa_decrypt_bare(ciphertext).map_err(|_| Error::decrypt_failed())
    }

    fn pkcs1_block(&self, ciphertext: &[u8]) -> Result<(&RejectionKey, Zeroizing<Vec<u8>>)> {
        let block = self.bare_block(ciphertext)?;
        let Extra::Rejection(rejection) = &self.extra else { return Err(unreachable_scheme()) };
        Ok((rejection, block))
    }
}

impl PublicKey for OpenPublic {
    fn key_type(&self) -> KeyType {
        self.0.public.key_type
    }

    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        let OpenKey { pkey, public } = &self.0;
        check_sign_input(public, scheme, input)?;
        let len = signature_len(public.key_type);
        if signature.len() != len {
            return Ok(false);
        }
        // RSA_verify_raw checks the whole padding and gives what it holds; the padding leaves no other reading of it.
        let holds = |block, expected: &[u8]| pkey.rsa_recover(block, signature).is_ok_and(|found| found == expected);
        Ok(match scheme {
            SignScheme::RsaPkcs1(hash) => holds(Block::Pkcs1, &digest_info(*hash, input)),
            SignScheme::RsaPkcs1Raw => holds(Block::Pkcs1, input),
            SignScheme::RsaRaw => holds(Block::Bare, &left_pad(input, len)),
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                let pss = Pss { hash: *hash, mgf: *mgf, salt_len_bytes: *salt_len_bytes };
                pkey.rsa_verify_pss(pss, input, signature)
            }
            SignScheme::Ecdsa => {
                let (r, s) = signature.split_at(len / 2);
                pkey.ecdsa_verify(input, r, s)
            }
            SignScheme::MlDsaMu { .. } => pkey.ml_dsa_verify(input, signature),
            SignScheme::EdDsa { .. } => return Err(unreachable_scheme()),
        })
    }

    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>> {
        let OpenKey { pkey, public } = &self.0;
        check_plaintext(public, scheme, plaintext)?;
        match scheme {
            EncryptScheme::RsaOaep { hash, mgf, label } => pkey.oaep_encrypt(&Oaep::new(*hash, *mgf, label), plaintext),
            EncryptScheme::RsaPkcs1 => pkey.pkcs1_encrypt(plaintext),
            // Recovering from a signature is the same power as encrypting.
            EncryptScheme::RsaRaw => {
                pkey.rsa_recover(Block::Bare, &left_pad(plaintext, signature_len(public.key_type)))
            }
        }
        .map_err(Error::internal)
    }

    fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let KeyType::MlKem(set) = self.key_type() else { return Err(cannot(self.key_type(), "encapsulate")) };
        self.0.pkey.ml_kem_encapsulate(set.ciphertext_bytes()).map_err(Error::internal)
    }
}

/// A Diffie-Hellman key.
struct DhPrivate {
    public: PublicInfo,
    p: Vec<u8>,
    value: Secret,
}

impl PrivateKey for DhPrivate {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, _scheme: &SignScheme, _input: &[u8]) -> Result<Vec<u8>> {
        Err(cannot(self.key_type(), "sign"))
    }

    fn decrypt(&self, _scheme: &EncryptScheme, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(cannot(self.key_type(), "decrypt"))
    }

    fn agree(&self, peer_public: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let peer = super::dh::check_peer(&self.p, peer_public)?;
        super::ffi::number::power(&self.p, &peer, &self.value).map_err(Error::internal)
    }
}

/// What PKCS#1 v1.5 signs: the hash's name and the digest (RFC 8017 section 9.2 step 2).
fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    [hash.digest_info_prefix(), digest].concat()
}

fn rejected(cause: Failed) -> Error {
    Error::new(ErrorCode::KeyInvalid, "the key's numbers do not fit together").because(cause)
}
