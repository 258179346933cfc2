//! What a DER key says about itself: its type and its public numbers, read with the RustCrypto parsers whichever
//! backend is running. No key is used here, and what is wrong with an RSA key's secret numbers only `Backend::open`
//! finds out.

use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{BitStringRef, UintRef},
};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use pkcs8::{AlgorithmIdentifierRef, EncodePublicKey as _, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use softkeep_proto::algorithm::{Curve, EdwardsCurve, KeyType, MlDsaSet, MlKemSet, MontgomeryCurve};
use softkeep_proto::limits::{MAX_RSA_BITS, MIN_RSA_BITS, RSA_BITS_STEP};
use spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};

use super::{dh, edwards, key_parts, lattice};
use crate::error::{Error, ErrorCode, Result};

/// The RSA sizes that Key Vault has.
pub const KEY_VAULT_RSA_BITS: [u32; 3] = [2048, 3072, 4096];

/// FIPS 186-5 section 5.1 (b).
const MIN_RSA_EXPONENT: u64 = 65537;

/// Larger exponents make verification slow enough to hurt; aws-lc and `rsa` draw the line here too.
const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// id-ecPublicKey (RFC 5480 section 2.1.1).
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// dhKeyAgreement (PKCS#3 section 9).
pub(super) const DH_KEY_AGREEMENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");

/// DHParameter (PKCS#3 section 9).
#[derive(Sequence)]
pub(super) struct DhParameters<'a> {
    pub(super) prime: UintRef<'a>,
    pub(super) base: UintRef<'a>,
    pub(super) private_value_length: Option<u32>,
}

/// The public side of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicInfo {
    /// The type, and the size that the numbers really have.
    pub key_type: KeyType,
    /// SubjectPublicKeyInfo, written anew: the same key always gives the same bytes, EC points uncompressed.
    pub spki_der: Vec<u8>,
    /// The numbers themselves.
    pub numbers: PublicNumbers,
}

/// The numbers of a public key, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicNumbers {
    /// RSA (RFC 8017 section 3.1).
    Rsa {
        /// The modulus, without leading zeros.
        n: Vec<u8>,
        /// The public exponent, without leading zeros.
        e: Vec<u8>,
    },
    /// A point on a curve.
    Ec {
        /// The x coordinate, as wide as the curve.
        x: Vec<u8>,
        /// The y coordinate, as wide as the curve.
        y: Vec<u8>,
    },
    /// The bytes of the public key: EdDSA (RFC 8032), X25519 and X448 (RFC 7748, little-endian as they are), ML-DSA and
    /// ML-KEM (FIPS 204 and 203).
    Raw(Vec<u8>),
    /// Diffie-Hellman (PKCS#3), without leading zeros.
    Dh {
        /// The prime.
        p: Vec<u8>,
        /// The base.
        g: Vec<u8>,
        /// The public value.
        y: Vec<u8>,
    },
}

/// Runs the body with the name bound to the RustCrypto crate of the curve, so that no body is written three times.
macro_rules! on_curve {
    ($curve:expr, $crate_name:ident => $body:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $crate_name;
                $body
            }
            Curve::P384 => {
                use p384 as $crate_name;
                $body
            }
            Curve::P521 => {
                use p521 as $crate_name;
                $body
            }
            Curve::P256K => {
                use k256 as $crate_name;
                $body
            }
        }
    };
}
pub(super) use on_curve;

/// The public side of a private key (PKCS#8 DER, unencrypted).
pub fn public_info_of_private(pkcs8_der: &[u8]) -> Result<PublicInfo> {
    let info = PrivateKeyInfoRef::from_der(pkcs8_der).map_err(|cause| invalid("not a PKCS#8 private key", cause))?;
    let algorithm = algorithm(&info.algorithm)?;
    let public = match algorithm {
        Algorithm::Rsa => {
            let key = pkcs1::RsaPrivateKeyRef::from_der(info.private_key.as_bytes())
                .map_err(|cause| invalid("not an RSA private key", cause))?;
            if key.other_prime_infos.is_some() {
                return Err(Error::new(ErrorCode::UnsupportedAlgorithm, "RSA keys of more than two primes"));
            }
            return rsa_info(key.public_key());
        }
        Algorithm::Ec(curve) => on_curve!(curve, c => {
            let public = EcPrivateKey::from_der(info.private_key.as_bytes())
                .and_then(c::SecretKey::try_from)
                .map_err(|cause| invalid("not an EC private key of its curve", cause))?
                .public_key();
            return ec_info(curve, public.to_sec1_point(false).as_bytes(), public.to_public_key_der());
        }),
        Algorithm::Raw(_) | Algorithm::Dh { .. } => key_parts::public_of(&key_parts::parts_of_info(&info)?)?,
    };
    // RFC 5958 lets a private key carry its public one. Nobody needs it; a wrong one is a sign of damage.
    let told = info.public_key.as_ref().map(|bits| bits.raw_bytes());
    if told.is_some_and(|told| told != public) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the public key beside the private key is another one"));
    }
    other_info(algorithm, &public)
}

/// The public side of a public key (SubjectPublicKeyInfo DER).
pub fn public_info(spki_der: &[u8]) -> Result<PublicInfo> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(|cause| invalid("not a public key", cause))?;
    let bits = spki.subject_public_key.as_bytes();
    let bits =
        bits.ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "the public key is not a whole number of bytes"))?;
    match algorithm(&spki.algorithm)? {
        Algorithm::Rsa => {
            let key = pkcs1::RsaPublicKeyRef::from_der(bits);
            rsa_info(key.map_err(|cause| invalid("not an RSA public key", cause))?)
        }
        Algorithm::Ec(curve) => on_curve!(curve, c => {
            let public =
                c::PublicKey::from_sec1_bytes(bits).map_err(|cause| invalid("not a point of its curve", cause))?;
            ec_info(curve, public.to_sec1_point(false).as_bytes(), public.to_public_key_der())
        }),
        other => other_info(other, bits),
    }
}

/// Whether a key that comes from outside may come in: as [`public_info_of_private`], and its size, curve and exponent
/// must be ones we use. `Backend::open` then checks its secret numbers.
pub fn check_import(pkcs8_der: &[u8]) -> Result<PublicInfo> {
    let info = public_info_of_private(pkcs8_der)?;
    check_usable(&info)?;
    Ok(info)
}

/// Refuses keys that we do not use. Both backends ask this when they open a key, so nothing weaker gets in by another
/// way, and their arithmetic never meets an even modulus or a giant exponent.
pub(super) fn check_usable(info: &PublicInfo) -> Result<()> {
    if let PublicNumbers::Dh { p, g, y } = &info.numbers {
        return dh::check_numbers(p, g, y);
    }
    let (KeyType::Rsa(bits), PublicNumbers::Rsa { n, e }) = (info.key_type, &info.numbers) else { return Ok(()) };
    check_rsa_size(bits)?;
    if n.last().is_none_or(|byte| byte & 1 == 0) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the RSA modulus is even"));
    }
    let exponent = (e.len() <= 8).then(|| e.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)));
    match exponent {
        Some(e) if e & 1 == 1 && (MIN_RSA_EXPONENT..=MAX_RSA_EXPONENT).contains(&e) => Ok(()),
        _ => Err(Error::new(ErrorCode::KeyInvalid, "the RSA exponent is even, below 65537 or above 33 bits")),
    }
}

/// Refuses RSA sizes that we neither make nor take.
pub(super) fn check_rsa_size(bits: u32) -> Result<()> {
    if bits < MIN_RSA_BITS {
        let detail = format!("an RSA key of {bits} bits is too weak, it needs {MIN_RSA_BITS}");
        return Err(Error::new(ErrorCode::KeyTooWeak, detail));
    }
    if bits <= MAX_RSA_BITS && bits.is_multiple_of(RSA_BITS_STEP) {
        return Ok(());
    }
    let detail =
        format!("RSA keys of {bits} bits are not supported, only multiples of {RSA_BITS_STEP} up to {MAX_RSA_BITS}");
    Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail))
}

/// What an AlgorithmIdentifier names.
enum Algorithm<'a> {
    Rsa,
    Ec(Curve),
    /// A type whose public key is bytes without a structure: EdDSA, X25519 and X448, ML-DSA, ML-KEM.
    Raw(KeyType),
    Dh {
        p: &'a [u8],
        g: &'a [u8],
    },
}

fn algorithm<'a>(identifier: &AlgorithmIdentifierRef<'a>) -> Result<Algorithm<'a>> {
    if identifier.oid == pkcs1::ALGORITHM_OID {
        // RFC 8017 appendix A.1: the parameters are NULL. aws-lc insists on it.
        let null = identifier.parameters.is_some_and(|parameters| parameters.is_null());
        return null.then_some(Algorithm::Rsa).ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "RSA with parameters"));
    }
    if identifier.oid == EC_PUBLIC_KEY {
        let oid = identifier.parameters_oid().map_err(|cause| {
            Error::new(ErrorCode::UnsupportedAlgorithm, "the curve is not given by its name").because(cause)
        })?;
        let unknown = || Error::new(ErrorCode::UnsupportedAlgorithm, format!("the curve {oid} is not supported"));
        return on_curve_oid(oid).map(Algorithm::Ec).ok_or_else(unknown);
    }
    if identifier.oid == DH_KEY_AGREEMENT {
        let parameters = identifier.parameters.and_then(|any| any.decode_as::<DhParameters<'a>>().ok());
        let parameters = parameters.ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "DH without its parameters"))?;
        return Ok(Algorithm::Dh { p: parameters.prime.as_bytes(), g: parameters.base.as_bytes() });
    }
    let Some(key_type) = raw_type(identifier.oid) else {
        let detail = format!("keys of the type {} are not supported", identifier.oid);
        return Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail));
    };
    // RFC 8410 section 3, RFC 9881 section 2, RFC 9935 section 3: no parameters.
    if identifier.parameters.is_some() {
        return Err(Error::new(ErrorCode::KeyInvalid, format!("{} with parameters", key_type.kind())));
    }
    Ok(Algorithm::Raw(key_type))
}

/// The types whose public key is bytes without a structure.
fn raw_types() -> impl Iterator<Item = KeyType> {
    EdwardsCurve::ALL
        .map(KeyType::Edwards)
        .into_iter()
        .chain(MontgomeryCurve::ALL.map(KeyType::Montgomery))
        .chain(MlDsaSet::ALL.map(KeyType::MlDsa))
        .chain(MlKemSet::ALL.map(KeyType::MlKem))
}

/// The OBJECT IDENTIFIER that names such a type, DER; empty for the others.
pub(super) fn raw_oid_der(key_type: KeyType) -> &'static [u8] {
    match key_type {
        KeyType::Edwards(curve) => curve.oid_der(),
        KeyType::Montgomery(curve) => curve.oid_der(),
        KeyType::MlDsa(set) => set.oid_der(),
        KeyType::MlKem(set) => set.oid_der(),
        KeyType::Rsa(_) | KeyType::Ec(_) | KeyType::Dh(_) | KeyType::Secret(..) => &[],
    }
}

/// The key type that an AlgorithmIdentifier names, if its public key is bytes without a structure.
pub(super) fn raw_type(oid: ObjectIdentifier) -> Option<KeyType> {
    raw_types().find(|key_type| is_oid(raw_oid_der(*key_type), oid))
}

/// The table has tag and length before the identifier's own bytes.
fn is_oid(der: &[u8], oid: ObjectIdentifier) -> bool {
    der.get(2..) == Some(oid.as_bytes())
}

pub(super) fn on_curve_oid(oid: ObjectIdentifier) -> Option<Curve> {
    Curve::ALL.into_iter().find(|curve| is_oid(curve.oid_der(), oid))
}

fn rsa_info(key: pkcs1::RsaPublicKeyRef<'_>) -> Result<PublicInfo> {
    let write = || {
        let bits = key.to_der()?;
        let subject_public_key = BitStringRef::from_bytes(&bits)?;
        SubjectPublicKeyInfo { algorithm: pkcs1::ALGORITHM_ID, subject_public_key }.to_der()
    };
    let spki_der = write().map_err(Error::internal)?;
    let (n, e) = (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec());
    let bits = bit_len(&n)?;
    Ok(PublicInfo { key_type: KeyType::Rsa(bits), spki_der, numbers: PublicNumbers::Rsa { n, e } })
}

fn ec_info(curve: Curve, point: &[u8], spki: spki::Result<pkcs8::Document>) -> Result<PublicInfo> {
    let spki_der = spki.map_err(Error::internal)?.into_vec();
    // An uncompressed point is 04, x, y (SEC 1 section 2.3.3).
    let split = point.get(1..).and_then(|both| both.split_at_checked(curve.width_bytes()));
    let (x, y) = split.ok_or_else(|| Error::internal("an EC point of the wrong length"))?;
    let numbers = PublicNumbers::Ec { x: x.to_vec(), y: y.to_vec() };
    Ok(PublicInfo { key_type: KeyType::Ec(curve), spki_der, numbers })
}

/// A key whose public half is bytes, or one number in DER (Diffie-Hellman).
fn other_info(algorithm: Algorithm<'_>, public: &[u8]) -> Result<PublicInfo> {
    match algorithm {
        Algorithm::Raw(key_type) => {
            check_raw(key_type, public)?;
            let spki_der = key_parts::raw_spki(key_type, public)?;
            Ok(PublicInfo { key_type, spki_der, numbers: PublicNumbers::Raw(public.to_vec()) })
        }
        Algorithm::Dh { p, g } => {
            let y = UintRef::from_der(public).map_err(|cause| invalid("not a DH public key", cause))?;
            let numbers = PublicNumbers::Dh { p: p.to_vec(), g: g.to_vec(), y: y.as_bytes().to_vec() };
            let spki_der = key_parts::dh_spki(p, g, y.as_bytes())?;
            Ok(PublicInfo { key_type: KeyType::Dh(bit_len(p)?), spki_der, numbers })
        }
        Algorithm::Rsa | Algorithm::Ec(_) => Err(Error::internal("a key of bytes that is none")),
    }
}

/// Refuses bytes that are no public key of the type.
fn check_raw(key_type: KeyType, public: &[u8]) -> Result<()> {
    let valid = match key_type {
        KeyType::Edwards(curve) => edwards::is_public(curve, public),
        KeyType::Montgomery(curve) => public.len() == curve.key_bytes(),
        KeyType::MlDsa(set) => public.len() == set.public_key_bytes(),
        KeyType::MlKem(set) => lattice::is_ml_kem_public(set, public),
        KeyType::Rsa(_) | KeyType::Ec(_) | KeyType::Dh(_) | KeyType::Secret(..) => false,
    };
    let refusal = || Error::new(ErrorCode::KeyInvalid, format!("not a public key of {}", key_type.kind()));
    valid.then_some(()).ok_or_else(refusal)
}

/// The bits of a number without leading zeros.
pub(super) fn bit_len(number: &[u8]) -> Result<u32> {
    let unused_bits = number.first().map_or(0, |byte| byte.leading_zeros());
    Ok(u32::try_from(number.len() * 8).map_err(Error::internal)?.saturating_sub(unused_bits))
}

fn invalid(detail: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorCode::KeyInvalid, detail).because(cause)
}

#[cfg(test)]
mod tests;
