//! Ed25519 and X25519 by aws-lc's own functions for them.

use std::sync::Arc;

use softkeep_proto::algorithm::{EncryptScheme, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::super::ffi::curve25519::{self, Form, KeyPair};
use super::super::input::{cannot, check_peer, check_sign_input};
use super::super::key_info::{PublicInfo, PublicNumbers};
use super::super::montgomery::refuse_zero;
use super::super::portable::unreachable_scheme;
use super::super::{PrivateKey, PublicKey};
use super::rejected;
use crate::error::{Error, Result};

struct Ed25519 {
    public: PublicInfo,
    pair: KeyPair,
}

struct Ed25519Public {
    public: PublicInfo,
    bytes: [u8; 32],
}

struct X25519 {
    public: PublicInfo,
    secret: Zeroizing<[u8; 32]>,
}

/// A private key; `public` was computed from the same seed by another library.
pub(super) fn open_ed25519(public: PublicInfo, seed: &[u8]) -> Result<Arc<dyn PrivateKey>> {
    let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(Error::internal)?);
    let pair = curve25519::key_pair(&seed);
    if pair[32..] != bytes_of(&public)? {
        return Err(rejected_pair());
    }
    Ok(Arc::new(Ed25519 { public, pair }))
}

/// A public key.
pub(super) fn open_ed25519_public(public: PublicInfo) -> Result<Arc<dyn PublicKey>> {
    let bytes = bytes_of(&public)?;
    Ok(Arc::new(Ed25519Public { public, bytes }))
}

/// A private key.
pub(super) fn open_x25519(public: PublicInfo, secret: &[u8]) -> Result<Arc<dyn PrivateKey>> {
    let secret = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(Error::internal)?);
    Ok(Arc::new(X25519 { public, secret }))
}

impl PrivateKey for Ed25519 {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>> {
        check_sign_input(&self.public, scheme, input)?;
        let signature = curve25519::sign(&self.pair, form(scheme, input)?, input).map_err(Error::internal)?;
        Ok(signature.to_vec())
    }

    fn decrypt(&self, _scheme: &EncryptScheme, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(cannot(self.key_type(), "decrypt"))
    }
}

impl PublicKey for Ed25519Public {
    fn key_type(&self) -> KeyType {
        self.public.key_type
    }

    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool> {
        check_sign_input(&self.public, scheme, input)?;
        let Ok(signature) = signature.try_into() else { return Ok(false) };
        Ok(curve25519::verify(&self.bytes, form(scheme, input)?, input, signature))
    }

    fn encrypt(&self, _scheme: &EncryptScheme, _plaintext: &[u8]) -> Result<Vec<u8>> {
        Err(cannot(self.key_type(), "encrypt"))
    }
}

impl PrivateKey for X25519 {
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
        check_peer(self.key_type(), peer_public)?;
        let peer: [u8; 32] = peer_public.try_into().map_err(Error::internal)?;
        // Its one failure is a result of all zeros.
        let shared = curve25519::x25519(&self.secret, &peer);
        refuse_zero(shared.unwrap_or_else(|_| Zeroizing::new(vec![0; 32])))
    }
}

fn form<'a>(scheme: &'a SignScheme, input: &'a [u8]) -> Result<Form<'a>> {
    match scheme {
        SignScheme::EdDsa { context: None, prehashed: false } => Ok(Form::Pure),
        SignScheme::EdDsa { context: Some(context), prehashed: false } => Ok(Form::Context(context)),
        SignScheme::EdDsa { context, prehashed: true } => {
            Ok(Form::Prehash(input.try_into().map_err(Error::internal)?, context.as_deref().unwrap_or_default()))
        }
        _ => Err(unreachable_scheme()),
    }
}

fn bytes_of(public: &PublicInfo) -> Result<[u8; 32]> {
    match &public.numbers {
        PublicNumbers::Raw(bytes) => bytes.as_slice().try_into().map_err(Error::internal),
        _ => Err(unreachable_scheme()),
    }
}

/// Two libraries made two public keys of one seed.
fn rejected_pair() -> Error {
    rejected(super::Failed("ED25519_keypair_from_seed"))
}
