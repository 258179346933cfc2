//! The portable backend, all in Rust, and the second opinion on the first: the `rsa`, `p256`, `p384`, `p521` and `k256`
//! crates behind the same traits, and `portable.rs` for the newer types. Of aws-lc it uses the random numbers and, for
//! bad paddings of PKCS#1 v1.5 in a key to be unwrapped, HMAC.
//!
//! Three differences remain. It cannot do PSS with a different hash inside MGF1, nor Ed25519ctx
//! (`UnsupportedAlgorithm`), and its RSA is slower and not known to be free of timing leaks (RUSTSEC-2023-0071): every private operation below is blinded and
//! its result checked, which is the known answer, but the default build signs and decrypts with aws-lc.

use std::sync::Arc;

use p256::elliptic_curve::Generate as _;
use pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, SecretDocument};
use rsa::hazmat::{rsa_decrypt_and_check, rsa_encrypt};
use rsa::rand_core::UnwrapErr;
use rsa::traits::{PaddingScheme, PublicKeyParts, SignatureScheme};
use rsa::{BoxedUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey};
use signature::hazmat::{PrehashVerifier as _, RandomizedPrehashSigner as _};
use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::input::{
    cannot, check_ciphertext, check_peer, check_pkcs1_len, check_plaintext, check_sign_input, ecdsa_number, left_pad,
};
use super::key_info::{self, PublicInfo, check_rsa_size, check_usable, on_curve};
use super::key_parts::{self, PrivateParts};
use super::pkcs1_v15::RejectionKey;
use super::portable::{Portable, PortablePublic, unreachable_scheme};
use super::random::Random;
use super::{Backend, PrivateKey, PublicKey, signature_len};
use crate::error::{Error, ErrorCode, Result};

/// The RustCrypto crates.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Backend for RustCrypto {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn generate(&self, key_type: KeyType) -> Result<Zeroizing<Vec<u8>>> {
        if let Some(key) = key_parts::random_pkcs8(key_type)? {
            return Ok(key);
        }
        let pkcs8: SecretDocument = match key_type {
            KeyType::Rsa(bits) => {
                check_rsa_size(bits)?;
                // The crate wants a generator that cannot fail. `Random` fails only where aws-lc would rather abort.
                RsaPrivateKey::new(&mut UnwrapErr(Random), bits as usize)
                    .map_err(Error::internal)?
                    .to_pkcs8_der()
                    .map_err(Error::internal)?
            }
            KeyType::Ec(curve) => on_curve!(curve, c => {
                let key = c::SecretKey::try_generate_from_rng(&mut Random).map_err(Error::internal)?;
                key.to_pkcs8_der().map_err(Error::internal)?
            }),
            _ => return Err(key_parts::needs_parameters()),
        };
        Ok(pkcs8.to_bytes())
    }

    fn open(&self, pkcs8_der: &[u8]) -> Result<Arc<dyn PrivateKey>> {
        let public = key_info::public_info_of_private(pkcs8_der)?;
        check_usable(&public)?;
        match public.key_type {
            KeyType::Rsa(_) => {
                // Checks that the numbers fit together and prepares the CRT.
                let key = RsaPrivateKey::from_pkcs8_der(pkcs8_der).map_err(rejected)?;
                let PrivateParts::Rsa { d, .. } = key_parts::parts_of(pkcs8_der)? else {
                    return Err(unreachable_scheme());
                };
                let rejection = RejectionKey::of(&d, signature_len(public.key_type));
                Ok(Arc::new(RsaPrivate { key, rejection, public }))
            }
            KeyType::Ec(curve) => on_curve!(curve, c => {
                let secret = c::SecretKey::from_pkcs8_der(pkcs8_der).map_err(rejected)?;
                let key = c::ecdsa::SigningKey::from(secret.clone());
                // RFC 6979 with fresh random mixed in: safe if either holds.
                let sign = move |number: &[u8]| -> Result<Vec<u8>> {
                    let signature: c::ecdsa::Signature =
                        key.sign_prehash_with_rng(&mut Random, number).map_err(Error::internal)?;
                    Ok(signature.to_bytes().to_vec())
                };
                let agree = move |peer: &[u8]| {
                    let peer = c::PublicKey::from_sec1_bytes(peer).ok()?;
                    let shared = c::elliptic_curve::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
                    Some(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
                };
                Ok(Arc::new(EcPrivate { curve, public, sign, agree }))
            }),
            _ => Ok(Portable::open(public, key_parts::parts_of(pkcs8_der)?)),
        }
    }

    fn open_public(&self, spki_der: &[u8]) -> Result<Arc<dyn PublicKey>> {
        let public = key_info::public_info(spki_der)?;
        check_usable(&public)?;
        match public.key_type {
            KeyType::Rsa(_) => {
                let key = RsaPublicKey::from_public_key_der(&public.spki_der).map_err(rejected)?;
                Ok(Arc::new(RsaPublic { key, public }))
            }
            KeyType::Ec(curve) => on_curve!(curve, c => {
                let key = c::PublicKey::from_public_key_der(&public.spki_der).map_err(rejected)?;
                let key = c::ecdsa::VerifyingKey::from(key);
                // r and s must be in 1..order: anything else is no signature.
                let verify = move |number: &[u8], signature: &[u8]| {
                    // With s its negative is right too, and `k256` knows only the smaller one.
                    c::ecdsa::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_prehash(number, &signature.normalize_s()).is_ok())
                };
                Ok(Arc::new(EcPublic { curve, public, verify }))
            }),
            _ => Ok(PortablePublic::open(public)),
        }
    }
}

/// An RSA key; the crate wipes it when it is dropped.
struct RsaPrivate {
    key: RsaPrivateKey,
    rejection: RejectionKey,
    public: PublicInfo,
}

/// An RSA public key.
struct RsaPublic {
    key: RsaPublicKey,
    public: PublicInfo,
}

/// A key of any curve: what differs between them is inside the closure, and so is the key, which wipes itself.
struct EcPrivate<Sign, Agree> {
    curve: Curve,
    public: PublicInfo,
    sign: Sign,
    agree: Agree,
}

/// A public key of any curve.
struct EcPublic<Verify> {
    curve: Curve,
    public: PublicInfo,
    verify: Verify,
}

/// Runs the body with the name bound to the type of the hash.
macro_rules! with_hash {
    ($hash:expr, $name:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $name = sha1::Sha1;
                $body
            }
            Hash::Sha224 => {
                type $name = sha2::Sha224;
                $body
            }
            Hash::Sha256 => {
                type $name = sha2::Sha256;
                $body
            }
            Hash::Sha384 => {
                type $name = sha2::Sha384;
                $body
            }
            Hash::Sha512 => {
                type $name = sha2::Sha512;
                $body
            }
            Hash::Sha512_224 => {
                type $name = sha2::Sha512_224;
                $body
            }
            Hash::Sha512_256 => {
                type $name = sha2::Sha512_256;
                $body
            }
            Hash::Sha3_224 => {
                type $name = sha3::Sha3_224;
                $body
            }
            Hash::Sha3_256 => {
                type $name = sha3::Sha3_256;
                $body
            }
            Hash::Sha3_384 => {
                type $name = sha3::Sha3_384;
                $body
            }
            Hash::Sha3_512 => {
                type $name = sha3::Sha3_512;
                $body
            }
        }
    };
}

impl PrivateKey for RsaPrivate {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        // With a generator, each of these blinds, and checks the CRT's result.
        match scheme {
            SignScheme::RsaPkcs1(hash) => pkcs1(*hash).sign(Some(&mut Random), &self.key, input),
            SignScheme::RsaPkcs1Raw => Pkcs1v15Sign::new_unprefixed().sign(Some(&mut Random), &self.key, input),
            SignScheme::RsaRaw => {
                return self.bare(&left_pad(input, self.key.size())).map(|block| block.to_vec());
            }
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                check_mgf(*hash, *mgf)?;
                with_hash!(hash, D => {
                    Pss::<D>::new_blinded_with_salt(*salt_len_bytes).sign(Some(&mut Random), &self.key, input)
                })
            }
            SignScheme::Ecdsa | SignScheme::EdDsa { .. } | SignScheme::MlDsaMu { .. } => {
                return Err(unreachable_scheme());
            }
        }
        .map_err(Error::internal)
    }

    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let plaintext = match scheme {
            EncryptScheme::RsaOaep { hash, mgf, label } => {
                let label = label.as_slice();
                with_hash!(hash, D => with_hash!(mgf, M => {
                    Oaep::<D, M>::new_with_mgf_hash_and_label(label).decrypt(Some(&mut Random), &self.key, ciphertext)
                }))
            }
            // The crate rejects implicitly, by the same draft as `pkcs1_v15.rs`.
            EncryptScheme::RsaPkcs1 => {
                check_ciphertext(&self.public, ciphertext)?;
                Pkcs1v15Encrypt.decrypt(Some(&mut Random), &self.key, ciphertext)
            }
            EncryptScheme::RsaRaw => {
                check_ciphertext(&self.public, ciphertext)?;
                return self.bare(ciphertext);
            }
        };
        // The cause is dropped on purpose, also for the log.
        plaintext.map(Zeroizing::new).map_err(|_| Error::decrypt_failed())
    }

    fn decrypt_pkcs1_to_len(&self, ciphertext: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
        check_pkcs1_len(&self.public, len)?;
        check_ciphertext(&self.public, ciphertext)?;
        Ok(self.rejection.unpad_to_len(ciphertext, &self.bare(ciphertext)?, len))
    }
}

impl RsaPrivate {
    /// The private operation on a block as long as the modulus, blinded and checked.
    fn bare(&self, block: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let number = BoxedUint::from_be_slice(block, self.key.n_bits_precision()).map_err(Error::internal)?;
        let result = rsa_decrypt_and_check(&self.key, Some(&mut Random), &number).map_err(Error::internal)?;
        Ok(Zeroizing::new(block_of(&Zeroizing::new(result), self.key.size())))
    }
}

impl PublicKey for RsaPublic {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        if let SignScheme::RsaPss { hash, mgf, .. } = scheme {
            check_mgf(*hash, *mgf)?;
        }
        if signature.len() != signature_len(self.public.key_type) {
            return Ok(false);
        }
        Ok(match scheme {
            SignScheme::RsaPkcs1(hash) => pkcs1(*hash).verify(&self.key, input, signature).is_ok(),
            SignScheme::RsaPkcs1Raw => Pkcs1v15Sign::new_unprefixed().verify(&self.key, input, signature).is_ok(),
            SignScheme::RsaRaw => self.raw_block(signature).is_some_and(|block| block == left_pad(input, block.len())),
            SignScheme::RsaPss { hash, salt_len_bytes, .. } => with_hash!(hash, D => {
                Pss::<D>::new_with_salt(*salt_len_bytes).verify(&self.key, input, signature).is_ok()
            }),
            SignScheme::Ecdsa | SignScheme::EdDsa { .. } | SignScheme::MlDsaMu { .. } => {
                return Err(unreachable_scheme());
            }
        })
    }

    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>> {
        check_plaintext(&self.public, scheme, plaintext)?;
        match scheme {
            EncryptScheme::RsaOaep { hash, mgf, label } => {
                let label = label.as_slice();
                with_hash!(hash, D => with_hash!(mgf, M => {
                    Oaep::<D, M>::new_with_mgf_hash_and_label(label).encrypt(&mut Random, &self.key, plaintext)
                }))
                .map_err(Error::internal)
            }
            EncryptScheme::RsaPkcs1 => {
                Pkcs1v15Encrypt.encrypt(&mut Random, &self.key, plaintext).map_err(Error::internal)
            }
            // What a signature holds is what encrypting it gives.
            EncryptScheme::RsaRaw => {
                let block = left_pad(plaintext, self.key.size());
                self.raw_block(&block).ok_or_else(|| Error::internal("the public operation failed"))
            }
        }
    }
}

impl RsaPublic {
    /// What a bare signature holds (RFC 8017 section 5.2.2).
    fn raw_block(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let number = BoxedUint::from_be_slice(signature, self.key.n_bits_precision()).ok()?;
        if number >= *self.key.n().as_ref() {
            return None;
        }
        rsa_encrypt(&self.key, &number).ok().map(|number| block_of(&number, self.key.size()))
    }
}

impl<Sign, Agree> PrivateKey for EcPrivate<Sign, Agree>
where
    Sign: Fn(&[u8]) -> Result<Vec<u8>> + Send + Sync,
    Agree: Fn(&[u8]) -> Option<Zeroizing<Vec<u8>>> + Send + Sync,
{
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        // The crate would cut a long digest at the other end of P-521's odd byte; what it gets needs no cutting.
        (self.sign)(&ecdsa_number(self.curve, input))
    }

    fn decrypt(&self, _scheme: &EncryptScheme, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(cannot(self.public.key_type, "decrypt"))
    }

    fn agree(&self, peer_public: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_peer(self.public.key_type, peer_public)?;
        (self.agree)(peer_public)
            .ok_or_else(|| Error::new(ErrorCode::InvalidParameters, "the peer's public key is no point of the curve"))
    }
}

impl<Verify: Fn(&[u8], &[u8]) -> bool + Send + Sync> PublicKey for EcPublic<Verify> {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        Ok((self.verify)(&ecdsa_number(self.curve, input), signature))
    }

    fn encrypt(&self, _scheme: &EncryptScheme, _plaintext: &[u8]) -> Result<Vec<u8>> {
        Err(cannot(self.public.key_type, "encrypt"))
    }
}

/// PKCS#1 v1.5 with the prefix of our own table, the one that aws-lc is given too.
fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    Pkcs1v15Sign { hash_len: Some(hash.len()), prefix: hash.digest_info_prefix().into() }
}

fn check_mgf(hash: Hash, mgf: Hash) -> Result<()> {
    if hash == mgf {
        return Ok(());
    }
    let detail = "the rustcrypto backend has no PSS with a different hash inside MGF1";
    Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail))
}

/// The number's last `len` bytes; what is before them is zero because the number is below the modulus.
fn block_of(number: &BoxedUint, len: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let excess = bytes.len().saturating_sub(len);
    left_pad(bytes.get(excess..).unwrap_or(&[]), len)
}

fn rejected(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorCode::KeyInvalid, "the key's numbers do not fit together").because(cause)
}
