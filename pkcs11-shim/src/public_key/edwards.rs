//! EdDSA verification (RFC 8032): Ed25519, Ed448, and their forms with a context or over a prehash.

use cryptoki_sys as ck;
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use digest::Digest;
use softkeep_proto::algorithm::{EdwardsCurve, is_canonical_448};

use super::unwrap_octets;
use crate::{
    attribute::Attributes,
    error::{Error, Result},
    mechanism::Params,
};

/// RFC 8032 section 2, dom2.
const DOM2: &[u8] = b"SigEd25519 no Ed25519 collisions";

/// CKA_EC_PARAMS as a PrintableString (PKCS#11 3.2 section 6.3.10), which some programs prefer to the OID.
const ED25519_NAME: &[u8] = b"\x13\x0cedwards25519";
const ED448_NAME: &[u8] = b"\x13\x0aedwards448";

/// The curve of a CKA_EC_PARAMS.
pub fn curve(attributes: &Attributes) -> Result<EdwardsCurve> {
    let params = attributes.bytes(ck::CKA_EC_PARAMS).unwrap_or_default();
    let named = |curve| match curve {
        EdwardsCurve::Ed25519 => params == ED25519_NAME,
        EdwardsCurve::Ed448 => params == ED448_NAME,
    };
    let fits = |curve: &EdwardsCurve| curve.oid_der() == params || named(*curve);
    EdwardsCurve::ALL.into_iter().find(fits).ok_or(Error::KeyTypeInconsistent)
}

/// The public key of a CKA_EC_POINT, bare or in an OCTET STRING.
pub fn public_bytes(curve: EdwardsCurve, attributes: &Attributes) -> Result<Vec<u8>> {
    let point = attributes.bytes(ck::CKA_EC_POINT).unwrap_or_default();
    let bare = if point.len() == curve.key_bytes() { point } else { unwrap_octets(point) };
    if bare.len() == curve.key_bytes() { Ok(bare.to_vec()) } else { Err(Error::KeyTypeInconsistent) }
}

/// Verifies a signature of a message, or of its 64-byte prehash.
pub fn verify(curve: EdwardsCurve, key: &[u8], params: &Params, data: &[u8], signature: &[u8]) -> Result<bool> {
    if signature.len() != curve.signature_bytes() {
        return Err(Error::SignatureLenRange);
    }
    match curve {
        EdwardsCurve::Ed25519 => Ok(ed25519(key, params, data, signature).unwrap_or(false)),
        EdwardsCurve::Ed448 => ed448(key, params, data, signature),
    }
}

/// RFC 8032 section 5.1.7, without the cofactor. The library's own verification knows no Ed25519ctx; with its arithmetic
/// the three forms are one. None for what is no point or no scalar.
fn ed25519(key: &[u8], params: &Params, data: &[u8], signature: &[u8]) -> Option<bool> {
    let public = CompressedEdwardsY::from_slice(key).ok()?.decompress()?;
    let (r, s) = signature.split_at_checked(32)?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    let mut hasher = sha2::Sha512::new();
    if let Params::EdDsa { prehash, context } = params {
        hasher.update(DOM2);
        hasher.update([u8::from(*prehash), u8::try_from(context.len()).ok()?]);
        hasher.update(context);
    }
    hasher.update(r);
    hasher.update(key);
    hasher.update(data);
    let k = Scalar::from_bytes_mod_order_wide(&hasher.finalize().into());
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-public, &s);
    Some(expected.compress().as_bytes() == r)
}

/// A prehash that is made already.
struct Prehash<'a>(&'a [u8]);

impl ed448_goldilocks::PreHash for Prehash<'_> {
    fn fill_bytes(&mut self, out: &mut [u8]) {
        for (out, byte) in out.iter_mut().zip(self.0) {
            *out = *byte;
        }
    }
}

/// RFC 8032 section 5.2.7.
fn ed448(key: &[u8], params: &Params, data: &[u8], signature: &[u8]) -> Result<bool> {
    use ed448_goldilocks::{Signature, VerifyingKey};
    let key = <&[u8; 57]>::try_from(key).ok().filter(|key| is_canonical_448(key));
    let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok()).ok_or(Error::KeyTypeInconsistent)?;
    if !signature.first_chunk().is_some_and(is_canonical_448) {
        return Ok(false);
    }
    let Ok(signature) = Signature::try_from(signature) else { return Ok(false) };
    let verified = match params {
        Params::EdDsa { prehash: true, context } => key.verify_prehashed(&signature, Some(context), Prehash(data)),
        Params::EdDsa { prehash: false, context } => key.verify_ctx(&signature, context, data),
        _ => key.verify_raw(&signature, data),
    };
    Ok(verified.is_ok())
}
