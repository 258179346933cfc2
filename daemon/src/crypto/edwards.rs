//! EdDSA (RFC 8032) by `ed25519-dalek` and `ed448-goldilocks`. aws-lc, where it runs, does Ed25519 instead.

use ed448_goldilocks as ed448;
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::digest::consts::U64;
use sha2::digest::{FixedOutput, FixedOutputReset, HashMarker, Output, OutputSizeUser, Reset, Update};
use softkeep_proto::algorithm::{EdwardsCurve, is_canonical_448};

use crate::error::{Error, ErrorCode, Result};

/// The public key of a private one.
pub(super) fn public_of(curve: EdwardsCurve, secret: &[u8]) -> Result<Vec<u8>> {
    Ok(match curve {
        EdwardsCurve::Ed25519 => ed25519(secret)?.verifying_key().to_bytes().to_vec(),
        EdwardsCurve::Ed448 => ed448(secret)?.verifying_key().to_bytes().to_vec(),
    })
}

/// Whether the bytes are a point of the curve.
pub(super) fn is_public(curve: EdwardsCurve, public: &[u8]) -> bool {
    match curve {
        EdwardsCurve::Ed25519 => ed25519_public(public).is_some(),
        EdwardsCurve::Ed448 => ed448_public(public).is_some(),
    }
}

/// Signs. Ed25519ctx is not among what `ed25519-dalek` does.
pub(super) fn sign(
    curve: EdwardsCurve,
    secret: &[u8],
    context: Option<&[u8]>,
    prehashed: bool,
    input: &[u8],
) -> Result<Vec<u8>> {
    match curve {
        EdwardsCurve::Ed25519 => {
            let key = ed25519(secret)?;
            let signature = match (prehashed, context) {
                (true, context) => key.sign_prehashed(Prehash::of(input), context).map_err(Error::internal)?,
                (false, None) => ed25519_dalek::Signer::sign(&key, input),
                (false, Some(_)) => return Err(no_context()),
            };
            Ok(signature.to_bytes().to_vec())
        }
        EdwardsCurve::Ed448 => {
            let key = ed448(secret)?;
            let context = context.unwrap_or_default();
            let signature = match prehashed {
                true => key.sign_prehashed(Some(context), Prehash::of(input)),
                false => key.sign_ctx(context, input),
            };
            Ok(signature.map_err(Error::internal)?.to_bytes().to_vec())
        }
    }
}

/// Whether the signature is right.
pub(super) fn verify(
    curve: EdwardsCurve,
    public: &[u8],
    context: Option<&[u8]>,
    prehashed: bool,
    input: &[u8],
    signature: &[u8],
) -> Result<bool> {
    match curve {
        EdwardsCurve::Ed25519 => {
            if !prehashed && context.is_some() {
                return Err(no_context());
            }
            let Some(key) = ed25519_public(public) else { return Ok(false) };
            let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return Ok(false) };
            Ok(match prehashed {
                true => key.verify_prehashed(Prehash::of(input), context, &signature).is_ok(),
                false => ed25519_dalek::Verifier::verify(&key, input, &signature).is_ok(),
            })
        }
        EdwardsCurve::Ed448 => {
            let Some(key) = ed448_public(public) else { return Ok(false) };
            let canonical = signature.first_chunk().is_some_and(is_canonical_448);
            let Some(signature) = canonical.then(|| ed448::Signature::from_slice(signature).ok()).flatten() else {
                return Ok(false);
            };
            let context = context.unwrap_or_default();
            Ok(match prehashed {
                true => key.verify_prehashed(&signature, Some(context), Prehash::of(input)).is_ok(),
                false => key.verify_ctx(&signature, context, input).is_ok(),
            })
        }
    }
}

fn ed25519(secret: &[u8]) -> Result<SigningKey> {
    SigningKey::try_from(secret).map_err(Error::internal)
}

fn ed448(secret: &[u8]) -> Result<ed448::SigningKey> {
    ed448::SigningKey::try_from(secret).map_err(Error::internal)
}

fn ed25519_public(public: &[u8]) -> Option<VerifyingKey> {
    VerifyingKey::try_from(public).ok()
}

fn ed448_public(public: &[u8]) -> Option<ed448::VerifyingKey> {
    let bytes: [u8; 57] = public.try_into().ok().filter(is_canonical_448)?;
    ed448::VerifyingKey::from_bytes(&bytes).ok()
}

fn no_context() -> Error {
    let detail = "the rustcrypto backend has no Ed25519ctx";
    Error::new(ErrorCode::UnsupportedAlgorithm, detail)
}

/// A hash that is done already: the crates want to finish one themselves.
#[derive(Clone)]
struct Prehash([u8; 64]);

impl Prehash {
    /// Of 64 bytes; `input.rs` lets no other length through.
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.try_into().unwrap_or([0; 64]))
    }
}

impl ed448::PreHash for Prehash {
    fn fill_bytes(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(self.0) {
            *to = from;
        }
    }
}

impl Default for Prehash {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl HashMarker for Prehash {}

impl OutputSizeUser for Prehash {
    type OutputSize = U64;
}

impl Update for Prehash {
    /// Nothing more goes in.
    fn update(&mut self, _: &[u8]) {}
}

impl FixedOutput for Prehash {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

impl Reset for Prehash {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl FixedOutputReset for Prehash {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        self.clone().finalize_into(out);
        self.reset();
    }
}
