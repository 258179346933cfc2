//! Keys of the newer types by the RustCrypto crates: all of them in the portable backend, and in the default backend
//! those that aws-lc has not.

use std::sync::Arc;

use softkeep_proto::algorithm::{EncryptScheme, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::input::{cannot, check_capsule, check_peer, check_sign_input};
use super::key_info::{PublicInfo, PublicNumbers};
use super::key_parts::PrivateParts;
use super::{PrivateKey, PublicKey, dh, edwards, lattice, montgomery, signature_len};
use crate::error::{Error, Result};

/// A private key, as its parts.
pub struct Portable {
    public: PublicInfo,
    parts: PrivateParts,
}

/// A public key.
pub struct PortablePublic {
    public: PublicInfo,
}

impl Portable {
    /// A key whose public side is known.
    pub fn open(public: PublicInfo, parts: PrivateParts) -> Arc<dyn PrivateKey> {
        Arc::new(Self { public, parts })
    }
}

impl PortablePublic {
    /// A key that `key_info.rs` has read.
    pub fn open(public: PublicInfo) -> Arc<dyn PublicKey> {
        Arc::new(Self { public })
    }
}

impl PrivateKey for Portable {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        match (&self.parts, scheme) {
            (PrivateParts::Edwards(curve, secret), SignScheme::EdDsa { context, prehashed }) => {
                edwards::sign(*curve, secret, context.as_deref(), *prehashed, input)
            }
            (PrivateParts::MlDsa(set, _, expanded), SignScheme::MlDsaMu { deterministic }) => {
                lattice::ml_dsa_sign(*set, expanded, input, *deterministic)
            }
            _ => Err(cannot(self.key_type(), "sign")),
        }
    }

    fn decrypt(&self, _scheme: &EncryptScheme, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(cannot(self.key_type(), "decrypt"))
    }

    fn agree(&self, peer_public: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_peer(self.key_type(), peer_public)?;
        match &self.parts {
            PrivateParts::Montgomery(curve, secret) => montgomery::agree(*curve, secret, peer_public),
            PrivateParts::Dh { p, value, .. } => dh::power(p, &dh::check_peer(p, peer_public)?, value),
            _ => Err(cannot(self.key_type(), "agree on a secret")),
        }
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_capsule(self.key_type(), ciphertext)?;
        match &self.parts {
            PrivateParts::MlKem(set, _, expanded) => lattice::ml_kem_decapsulate(*set, expanded, ciphertext),
            _ => Err(cannot(self.key_type(), "decapsulate")),
        }
    }
}

impl PublicKey for PortablePublic {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        let key_type = self.public.key_type;
        let PublicNumbers::Raw(public) = &self.public.numbers else { return Err(cannot(key_type, "verify")) };
        if signature.len() != signature_len(key_type) {
            return Ok(false);
        }
        match (key_type, scheme) {
            (KeyType::Edwards(curve), SignScheme::EdDsa { context, prehashed }) => {
                edwards::verify(curve, public, context.as_deref(), *prehashed, input, signature)
            }
            (KeyType::MlDsa(set), SignScheme::MlDsaMu { .. }) => lattice::ml_dsa_verify(set, public, input, signature),
            _ => Err(cannot(key_type, "verify")),
        }
    }

    fn encrypt(&self, _scheme: &EncryptScheme, _plaintext: &[u8]) -> Result<Vec<u8>> {
        Err(cannot(self.public.key_type, "encrypt"))
    }

    fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        match (self.public.key_type, &self.public.numbers) {
            (KeyType::MlKem(set), PublicNumbers::Raw(public)) => lattice::ml_kem_encapsulate(set, public),
            (key_type, _) => Err(cannot(key_type, "encapsulate")),
        }
    }
}

/// `input.rs` lets no scheme through to a key of another type.
pub(super) fn unreachable_scheme() -> Error {
    Error::internal("a scheme reached a key of another type")
}
