//! The portable backend, all in Rust, and the second opinion on the first: the `rsa`, `p256`, `p384` and `p521` crates
//! behind the same traits. It makes no use of aws-lc but its random numbers.
//!
//! Two differences remain. It cannot do PSS with a different hash inside MGF1 (`UnsupportedAlgorithm`), and its RSA is
//! slower and not known to be free of timing leaks (RUSTSEC-2023-0071): every private operation below is blinded and
//! its result checked, which is the known answer, but the default build signs and decrypts with aws-lc.

use std::sync::Arc;

use p256::elliptic_curve::Generate as _;
use pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, SecretDocument};
use rsa::hazmat::{rsa_decrypt_and_check, rsa_encrypt};
use rsa::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use rsa::traits::{PaddingScheme, PublicKeyParts, SignatureScheme};
use rsa::{BoxedUint, Oaep, Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey};
use signature::hazmat::{PrehashVerifier as _, RandomizedPrehashSigner as _};
use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::input::{check_encrypt_key, check_plaintext, check_sign_input, ecdsa_number, left_pad};
use super::key_info::{self, PublicInfo, check_rsa_size, check_usable, on_curve};
use super::{Backend, PrivateKey, PublicKey, fill_random, signature_len};
use crate::error::{Error, ErrorCode, Result};

/// The RustCrypto crates.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Backend for RustCrypto {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn generate(&self, key_type: KeyType) -> Result<Zeroizing<Vec<u8>>> {
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
                Ok(Arc::new(RsaPrivate { key, public }))
            }
            KeyType::Ec(curve) => on_curve!(curve, c => {
                let key = c::SecretKey::from_pkcs8_der(pkcs8_der).map_err(rejected)?;
                let key = c::ecdsa::SigningKey::from(key);
                // RFC 6979 with fresh random mixed in: safe if either holds.
                let sign = move |number: &[u8]| -> Result<Vec<u8>> {
                    let signature: c::ecdsa::Signature =
                        key.sign_prehash_with_rng(&mut Random, number).map_err(Error::internal)?;
                    Ok(signature.to_bytes().to_vec())
                };
                Ok(Arc::new(EcPrivate { curve, public, sign }))
            }),
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
                    c::ecdsa::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_prehash(number, &signature).is_ok())
                };
                Ok(Arc::new(EcPublic { curve, public, verify }))
            }),
        }
    }
}

/// An RSA key; the crate wipes it when it is dropped.
struct RsaPrivate {
    key: RsaPrivateKey,
    public: PublicInfo,
}

/// An RSA public key.
struct RsaPublic {
    key: RsaPublicKey,
    public: PublicInfo,
}

/// A key of any curve: what differs between them is inside the closure, and so is the key, which wipes itself.
struct EcPrivate<Sign> {
    curve: Curve,
    public: PublicInfo,
    sign: Sign,
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
        }
    };
}

impl PrivateKey for RsaPrivate {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        // With a generator, each of these blinds, and checks the CRT's result.
        match scheme {
            SignScheme::RsaPkcs1(hash) => pkcs1(hash).sign(Some(&mut Random), &self.key, input),
            SignScheme::RsaPkcs1Raw => Pkcs1v15Sign::new_unprefixed().sign(Some(&mut Random), &self.key, input),
            SignScheme::RsaRaw => {
                let block = left_pad(input, self.key.size());
                let number = BoxedUint::from_be_slice(&block, self.key.n_bits_precision()).map_err(Error::internal)?;
                let signed = rsa_decrypt_and_check(&self.key, Some(&mut Random), &number);
                signed.map(|number| block_of(&number, self.key.size()))
            }
            SignScheme::RsaPss { hash, mgf, salt_len_bytes } => {
                check_mgf(hash, mgf)?;
                with_hash!(hash, D => {
                    Pss::<D>::new_blinded_with_salt(salt_len_bytes).sign(Some(&mut Random), &self.key, input)
                })
            }
            SignScheme::Ecdsa => return Err(unreachable_scheme()),
        }
        .map_err(Error::internal)
    }

    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let EncryptScheme::RsaOaep { hash, mgf, label } = scheme;
        let label = label.as_slice();
        let plaintext = with_hash!(hash, D => with_hash!(mgf, M => {
            Oaep::<D, M>::new_with_mgf_hash_and_label(label).decrypt(Some(&mut Random), &self.key, ciphertext)
        }));
        // The cause is dropped on purpose, also for the log.
        plaintext.map(Zeroizing::new).map_err(|_| Error::decrypt_failed())
    }
}

impl PublicKey for RsaPublic {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        if let SignScheme::RsaPss { hash, mgf, .. } = scheme {
            check_mgf(hash, mgf)?;
        }
        if signature.len() != signature_len(self.public.key_type) {
            return Ok(false);
        }
        Ok(match scheme {
            SignScheme::RsaPkcs1(hash) => pkcs1(hash).verify(&self.key, input, signature).is_ok(),
            SignScheme::RsaPkcs1Raw => Pkcs1v15Sign::new_unprefixed().verify(&self.key, input, signature).is_ok(),
            SignScheme::RsaRaw => self.raw_block(signature).is_some_and(|block| block == left_pad(input, block.len())),
            SignScheme::RsaPss { hash, salt_len_bytes, .. } => with_hash!(hash, D => {
                Pss::<D>::new_with_salt(salt_len_bytes).verify(&self.key, input, signature).is_ok()
            }),
            SignScheme::Ecdsa => return Err(unreachable_scheme()),
        })
    }

    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>> {
        check_plaintext(self.public.key_type, scheme, plaintext)?;
        let EncryptScheme::RsaOaep { hash, mgf, label } = scheme;
        let label = label.as_slice();
        with_hash!(hash, D => with_hash!(mgf, M => {
            Oaep::<D, M>::new_with_mgf_hash_and_label(label).encrypt(&mut Random, &self.key, plaintext)
        }))
        .map_err(Error::internal)
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

impl<Sign: Fn(&[u8]) -> Result<Vec<u8>> + Send + Sync> PrivateKey for EcPrivate<Sign> {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        // The crate would cut a long digest at the other end of P-521's odd byte; what it gets needs no cutting.
        (self.sign)(&ecdsa_number(self.curve, input))
    }

    fn decrypt(&self, _scheme: &EncryptScheme, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_encrypt_key(self.public.key_type)?;
        Err(unreachable_scheme())
    }
}

impl<Verify: Fn(&[u8], &[u8]) -> bool + Send + Sync> PublicKey for EcPublic<Verify> {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        Ok((self.verify)(&ecdsa_number(self.curve, input), signature))
    }

    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>> {
        check_plaintext(self.public.key_type, scheme, plaintext)?;
        Err(unreachable_scheme())
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

/// `input.rs` lets no scheme through to a key of the other type.
fn unreachable_scheme() -> Error {
    Error::internal("a scheme reached a key of another type")
}

/// `fill_random` as the crates want it.
struct Random;

impl TryRng for Random {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        fill_random(&mut bytes).map(|()| u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        fill_random(&mut bytes).map(|()| u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buf: &mut [u8]) -> Result<()> {
        fill_random(buf)
    }
}

impl TryCryptoRng for Random {}
