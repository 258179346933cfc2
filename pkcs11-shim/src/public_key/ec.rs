//! ECDSA verification (FIPS 186-5).

use cryptoki_sys as ck;
use ecdsa::signature::hazmat::PrehashVerifier;
use softkeep_proto::algorithm::Curve;

use crate::{
    attribute::Attributes,
    error::{Error, Result},
};

/// The curve of a CKA_EC_PARAMS.
pub fn curve(attributes: &Attributes) -> Result<Curve> {
    let params = attributes.bytes(ck::CKA_EC_PARAMS).unwrap_or_default();
    Curve::ALL.into_iter().find(|curve| curve.oid_der() == params).ok_or(Error::KeyTypeInconsistent)
}

/// ECDSA over a digest of any length (FIPS 186-5 section 6.4.2).
pub fn verify(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool> {
    if signature.len() != 2 * curve.width_bytes() {
        return Err(Error::SignatureLenRange);
    }
    macro_rules! verify {
        ($library:ident) => {{
            let key = $library::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Error::KeyTypeInconsistent)?;
            // With s its negative is right too, and `k256` knows only the smaller one.
            $library::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature.normalize_s()).is_ok())
        }};
    }
    Ok(match curve {
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::P521 => verify!(p521),
        Curve::P256K => verify!(k256),
    })
}
