//! The numbers of a public key as attributes, and the words PKCS#11 has for types and curves (PKCS#11 3.2 section 6).

use bytes::Bytes;
use cryptoki_sys as ck;
use der::{Encode, asn1::OctetString};
use softkeep_proto::{
    algorithm::{Curve, EdwardsCurve, KeyType, MontgomeryCurve, SecretKind},
    mechanism::hmac_key_type,
};

use super::{Attributes, number};
use crate::crypto::key_info::{PublicInfo, PublicNumbers};

/// The members of a public key that clients read from either half.
pub(super) fn public_numbers(public: &PublicInfo, attributes: &mut Attributes) {
    attributes.insert(ck::CKA_KEY_TYPE, number(key_type_number(public.key_type)));
    match &public.numbers {
        PublicNumbers::Rsa { n, e } => attributes.extend([
            (ck::CKA_MODULUS, Bytes::from(n.clone())),
            (ck::CKA_MODULUS_BITS, number(8 * n.len() as u64)),
            (ck::CKA_PUBLIC_EXPONENT, Bytes::from(e.clone())),
        ]),
        PublicNumbers::Ec { x, y } => {
            attributes.extend([(ck::CKA_EC_PARAMS, ec_params(public.key_type)), (ck::CKA_EC_POINT, ec_point(x, y))])
        }
        PublicNumbers::Raw(value) => match parameter_set(public.key_type) {
            Some(set) => {
                attributes.extend([(ck::CKA_PARAMETER_SET, number(set)), (ck::CKA_VALUE, Bytes::from(value.clone()))])
            }
            // Edwards and Montgomery: the bytes of RFC 8032 and RFC 7748, not in DER (PKCS#11 3.2 section 6.3).
            None => attributes.extend([
                (ck::CKA_EC_PARAMS, ec_params(public.key_type)),
                (ck::CKA_EC_POINT, Bytes::from(value.clone())),
            ]),
        },
        PublicNumbers::Dh { p, g, y } => attributes.extend([
            (ck::CKA_PRIME, Bytes::from(p.clone())),
            (ck::CKA_BASE, Bytes::from(g.clone())),
            (ck::CKA_VALUE, Bytes::from(y.clone())),
        ]),
    }
}

/// CKA_PARAMETER_SET, for the types that have it.
fn parameter_set(key_type: KeyType) -> Option<u64> {
    match key_type {
        KeyType::MlDsa(set) => Some(set.parameter_set()),
        KeyType::MlKem(set) => Some(set.parameter_set()),
        _ => None,
    }
}

/// CKA_KEY_TYPE.
pub fn key_type_number(key_type: KeyType) -> u64 {
    match key_type {
        KeyType::Rsa(_) => ck::CKK_RSA,
        KeyType::Ec(_) => ck::CKK_EC,
        KeyType::Edwards(_) => ck::CKK_EC_EDWARDS,
        KeyType::Montgomery(_) => ck::CKK_EC_MONTGOMERY,
        KeyType::Dh(_) => ck::CKK_DH,
        KeyType::MlDsa(_) => ck::CKK_ML_DSA,
        KeyType::MlKem(_) => ck::CKK_ML_KEM,
        KeyType::Secret(SecretKind::Aes, _) => ck::CKK_AES,
        KeyType::Secret(SecretKind::ChaCha20, _) => ck::CKK_CHACHA20,
        KeyType::Secret(SecretKind::Generic, _) => ck::CKK_GENERIC_SECRET,
        KeyType::Secret(SecretKind::Hmac(hash), _) => hmac_key_type(hash),
    }
}

fn ec_params(key_type: KeyType) -> Bytes {
    match key_type {
        KeyType::Ec(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Edwards(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Montgomery(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Rsa(_) | KeyType::Dh(_) | KeyType::MlDsa(_) | KeyType::MlKem(_) | KeyType::Secret(..) => Bytes::new(),
    }
}

/// DER OCTET STRING around the uncompressed point (PKCS#11 3.2 section 6.3.3).
fn ec_point(x: &[u8], y: &[u8]) -> Bytes {
    let point = [&[4], x, y].concat();
    OctetString::new(point).and_then(|octets| octets.to_der()).unwrap_or_default().into()
}

/// The type of the key whose CKA_EC_PARAMS these are: the curve's object identifier, or its name in a PrintableString (PKCS#11 3.2 section
/// 6.3.3). `key_type` is the CKA_KEY_TYPE it must be of.
pub fn curve_of_params(key_type: u64, params: &[u8]) -> Option<KeyType> {
    let is = |oid: &[u8], names: &[&str]| {
        params == oid
            || names.iter().any(|name| {
                let header = u8::try_from(name.len()).map(|length| [PRINTABLE_STRING, length]);
                header.is_ok_and(|header| params.strip_prefix(&header) == Some(name.as_bytes()))
            })
    };
    match key_type {
        ck::CKK_EC => Curve::ALL.into_iter().find(|curve| is(curve.oid_der(), curve_names(*curve))).map(KeyType::Ec),
        ck::CKK_EC_EDWARDS => EdwardsCurve::ALL
            .into_iter()
            .find(|curve| match curve {
                EdwardsCurve::Ed25519 => is(curve.oid_der(), &["edwards25519", "Ed25519"]),
                EdwardsCurve::Ed448 => is(curve.oid_der(), &["edwards448", "Ed448"]),
            })
            .map(KeyType::Edwards),
        ck::CKK_EC_MONTGOMERY => MontgomeryCurve::ALL
            .into_iter()
            .find(|curve| match curve {
                MontgomeryCurve::X25519 => is(curve.oid_der(), &["curve25519", "X25519"]),
                MontgomeryCurve::X448 => is(curve.oid_der(), &["curve448", "X448"]),
            })
            .map(KeyType::Montgomery),
        _ => None,
    }
}

/// The tag of a PrintableString (X.680).
const PRINTABLE_STRING: u8 = 0x13;

fn curve_names(curve: Curve) -> &'static [&'static str] {
    match curve {
        Curve::P256 => &["secp256r1", "prime256v1", "P-256"],
        Curve::P384 => &["secp384r1", "P-384"],
        Curve::P521 => &["secp521r1", "P-521"],
        Curve::P256K => &["secp256k1"],
    }
}
