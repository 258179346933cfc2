//! What a DER key says about itself: its type and its public numbers, read with the RustCrypto parsers whichever
//! backend is running. No key is used here, and what is wrong with an RSA key's secret numbers only `Backend::open`
//! finds out.

use der::{Decode as _, Encode as _, asn1::BitStringRef};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use pkcs8::{AlgorithmIdentifierRef, EncodePublicKey as _, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use softkeep_proto::algorithm::{Curve, KeyType};
use softkeep_proto::limits::{MAX_RSA_BITS, MIN_RSA_BITS};
use spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};

use crate::error::{Error, ErrorCode, Result};

/// The RSA sizes that Key Vault has, and we.
pub const RSA_BITS: [u32; 3] = [MIN_RSA_BITS, 3072, MAX_RSA_BITS];

/// FIPS 186-5 section 5.1 (b).
const MIN_RSA_EXPONENT: u64 = 65537;

/// Larger exponents make verification slow enough to hurt; aws-lc and `rsa` draw the line here too.
const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// id-ecPublicKey (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

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
        }
    };
}
pub(super) use on_curve;

/// The public side of a private key (PKCS#8 DER, unencrypted).
pub fn public_info_of_private(pkcs8_der: &[u8]) -> Result<PublicInfo> {
    let info = PrivateKeyInfoRef::from_der(pkcs8_der).map_err(|cause| invalid("not a PKCS#8 private key", cause))?;
    match algorithm(&info.algorithm)? {
        None => {
            let key = pkcs1::RsaPrivateKeyRef::from_der(info.private_key.as_bytes())
                .map_err(|cause| invalid("not an RSA private key", cause))?;
            if key.other_prime_infos.is_some() {
                return Err(Error::new(ErrorCode::UnsupportedAlgorithm, "RSA keys of more than two primes"));
            }
            rsa_info(key.public_key())
        }
        Some(curve) => on_curve!(curve, c => {
            let public = EcPrivateKey::from_der(info.private_key.as_bytes())
                .and_then(c::SecretKey::try_from)
                .map_err(|cause| invalid("not an EC private key of its curve", cause))?
                .public_key();
            ec_info(curve, public.to_sec1_point(false).as_bytes(), public.to_public_key_der())
        }),
    }
}

/// The public side of a public key (SubjectPublicKeyInfo DER).
pub fn public_info(spki_der: &[u8]) -> Result<PublicInfo> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(|cause| invalid("not a public key", cause))?;
    let bits = || {
        let bits = spki.subject_public_key.as_bytes();
        bits.ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "the public key is not a whole number of bytes"))
    };
    match algorithm(&spki.algorithm)? {
        None => {
            let key = pkcs1::RsaPublicKeyRef::from_der(bits()?);
            rsa_info(key.map_err(|cause| invalid("not an RSA public key", cause))?)
        }
        Some(curve) => on_curve!(curve, c => {
            let public = c::PublicKey::from_sec1_bytes(bits()?)
                .map_err(|cause| invalid("not a point of its curve", cause))?;
            ec_info(curve, public.to_sec1_point(false).as_bytes(), public.to_public_key_der())
        }),
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
    if RSA_BITS.contains(&bits) {
        return Ok(());
    }
    let detail = format!("RSA keys of {bits} bits are not supported, only of 2048, 3072 and 4096");
    Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail))
}

/// `None` is RSA, `Some` the curve.
fn algorithm(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Option<Curve>> {
    if algorithm.oid == pkcs1::ALGORITHM_OID {
        // RFC 8017 appendix A.1: the parameters are NULL. aws-lc insists on it.
        let null = algorithm.parameters.is_some_and(|parameters| parameters.is_null());
        return null.then_some(None).ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "RSA with parameters"));
    }
    if algorithm.oid != EC_PUBLIC_KEY {
        let detail = format!("keys of the type {} are not supported", algorithm.oid);
        return Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail));
    }
    let oid = algorithm.parameters_oid().map_err(|cause| {
        Error::new(ErrorCode::UnsupportedAlgorithm, "the curve is not given by its name").because(cause)
    })?;
    let curve = on_curve_oid(oid);
    let unknown = || Error::new(ErrorCode::UnsupportedAlgorithm, format!("the curve {oid} is not supported"));
    curve.map(Some).ok_or_else(unknown)
}

fn on_curve_oid(oid: ObjectIdentifier) -> Option<Curve> {
    // The table has tag and length before the identifier's own bytes.
    Curve::ALL.into_iter().find(|curve| curve.oid_der().get(2..) == Some(oid.as_bytes()))
}

fn rsa_info(key: pkcs1::RsaPublicKeyRef<'_>) -> Result<PublicInfo> {
    let write = || {
        let bits = key.to_der()?;
        let subject_public_key = BitStringRef::from_bytes(&bits)?;
        SubjectPublicKeyInfo { algorithm: pkcs1::ALGORITHM_ID, subject_public_key }.to_der()
    };
    let spki_der = write().map_err(Error::internal)?;
    let (n, e) = (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec());
    let unused_bits = n.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(n.len() * 8).map_err(Error::internal)?.saturating_sub(unused_bits);
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

fn invalid(detail: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorCode::KeyInvalid, detail).because(cause)
}

#[cfg(test)]
mod tests;
