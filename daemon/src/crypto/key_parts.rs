//! Keys from their parts and back: PKCS#8 and SubjectPublicKeyInfo from what PKCS#11 attributes hold (PKCS#11 3.2
//! section 6), and a private key's secret values for who may read or wrap them. Numbers are big-endian. Whether the
//! parts fit together is for `Backend::open` to find, except where saying so is part of building.

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _};
use pkcs8::{AlgorithmIdentifierRef, EncodePrivateKey as _, ObjectIdentifier, PrivateKeyInfoRef};
use rsa::{BoxedUint, RsaPrivateKey};
use sec1::EcPrivateKey;
use softkeep_proto::algorithm::{Curve, EdwardsCurve, KeyType, MlDsaSet, MlKemSet, MontgomeryCurve};
use softkeep_proto::limits::MAX_RSA_BITS;
use spki::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use super::input::left_pad;
use super::key_info::{DH_KEY_AGREEMENT, DhParameters, EC_PUBLIC_KEY, on_curve, on_curve_oid, raw_oid_der, raw_type};
use super::{dh, edwards, fill_random, lattice, montgomery};
use crate::error::{Error, ErrorCode, Result};

/// Secret bytes.
pub type Secret = Zeroizing<Vec<u8>>;

/// The secret values of a private key. It has no `Debug`, so that it cannot end up in a log.
pub enum PrivateParts {
    /// RFC 8017 section 3.2, without leading zeros.
    #[allow(missing_docs)]
    Rsa { d: Secret, p: Secret, q: Secret, dp: Secret, dq: Secret, qinv: Secret },
    /// The number d of an EC key, as wide as its curve.
    Ec(Curve, Secret),
    /// The private key of RFC 8032.
    Edwards(EdwardsCurve, Secret),
    /// The private key of RFC 7748, not clamped.
    Montgomery(MontgomeryCurve, Secret),
    /// PKCS#3: prime, base and the private value x, without leading zeros.
    #[allow(missing_docs)]
    Dh { p: Vec<u8>, g: Vec<u8>, value: Secret },
    /// FIPS 204: the seed where it is known, and what it expands to.
    MlDsa(MlDsaSet, Option<Secret>, Secret),
    /// FIPS 203: the seed d‖z where it is known, and what it expands to.
    MlKem(MlKemSet, Option<Secret>, Secret),
}

/// The numbers of an RSA private key as an application gives them.
#[derive(Clone, Copy, Default)]
pub struct RsaValues<'a> {
    /// The modulus.
    pub n: &'a [u8],
    /// The public exponent.
    pub e: &'a [u8],
    /// The private exponent.
    pub d: &'a [u8],
    /// Both primes, or neither: they are then computed from the exponents.
    pub primes: Option<(&'a [u8], &'a [u8])>,
    /// d mod p-1, d mod q-1 and 1/q mod p, or nothing. What is given must be right.
    pub crt: Option<(&'a [u8], &'a [u8], &'a [u8])>,
}

/// `seed [0]`, which is IMPLICIT (RFC 9881 section 6, RFC 9935 section 6).
const SEED_TAG: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };

/// ML-DSA-PrivateKey (RFC 9881 section 6) and ML-KEM-PrivateKey (RFC 9935 section 6), the choice `both`.
#[derive(Sequence)]
struct Both<'a> {
    seed: &'a OctetStringRef,
    expanded: &'a OctetStringRef,
}

/// PKCS#8 of an RSA key.
pub fn rsa_pkcs8(values: RsaValues<'_>) -> Result<Secret> {
    let number = |bytes: &[u8]| {
        let bytes = trim(bytes);
        let fits = bytes.len() <= MAX_RSA_BITS as usize / 8;
        let bits = u32::try_from(bytes.len().max(8) * 8).unwrap_or(u32::MAX);
        let number = fits.then(|| BoxedUint::from_be_slice(bytes, bits).ok()).flatten();
        number.ok_or_else(|| invalid("an RSA number is too long"))
    };
    let primes = match values.primes {
        Some((p, q)) => vec![number(p)?, number(q)?],
        None => Vec::new(),
    };
    let key = RsaPrivateKey::from_components(number(values.n)?, number(values.e)?, number(values.d)?, primes)
        .map_err(|cause| invalid("the key's numbers do not fit together").because(cause))?;
    let pkcs8 = key.to_pkcs8_der().map_err(Error::internal)?.to_bytes();
    if let Some((dp, dq, qinv)) = values.crt {
        let PrivateParts::Rsa { dp: right_dp, dq: right_dq, qinv: right_qinv, .. } = parts_of(&pkcs8)? else {
            return Err(Error::internal("an RSA key that is none"));
        };
        if trim(dp) != *right_dp || trim(dq) != *right_dq || trim(qinv) != *right_qinv {
            return Err(invalid("the key's numbers do not fit together"));
        }
    }
    Ok(pkcs8)
}

/// PKCS#8 of an RSA key from its RSAPrivateKey (RFC 8017 appendix A.1.2).
pub fn rsa_pkcs8_of_pkcs1(pkcs1_der: &[u8]) -> Result<Secret> {
    wrap(pkcs1::ALGORITHM_ID, pkcs1_der)
}

/// PKCS#8 of an EC key from its number d.
pub fn ec_pkcs8(curve: Curve, value: &[u8]) -> Result<Secret> {
    let value = trim(value);
    if value.len() > curve.width_bytes() {
        return Err(invalid("the private value is longer than the curve is wide"));
    }
    let value = Zeroizing::new(left_pad(value, curve.width_bytes()));
    on_curve!(curve, c => {
        let key = c::SecretKey::from_slice(&value)
            .map_err(|cause| invalid("the private value is not one of the curve").because(cause))?;
        Ok(key.to_pkcs8_der().map_err(Error::internal)?.to_bytes())
    })
}

/// PKCS#8 of an EdDSA key (RFC 8410 section 7) from the private key of RFC 8032.
pub fn edwards_pkcs8(curve: EdwardsCurve, value: &[u8]) -> Result<Secret> {
    curve_pkcs8(KeyType::Edwards(curve), curve.key_bytes(), value)
}

/// PKCS#8 of an X25519 or X448 key (RFC 8410 section 7) from the private key of RFC 7748.
pub fn montgomery_pkcs8(curve: MontgomeryCurve, value: &[u8]) -> Result<Secret> {
    curve_pkcs8(KeyType::Montgomery(curve), curve.key_bytes(), value)
}

fn curve_pkcs8(key_type: KeyType, len: usize, value: &[u8]) -> Result<Secret> {
    if value.len() != len {
        return Err(invalid(format!("a private key of {} has {len} bytes, not {}", key_type.kind(), value.len())));
    }
    let inner = OctetStringRef::new(value).and_then(|octets| octets.to_der()).map_err(Error::internal)?;
    wrap(raw_identifier(key_type)?, &Zeroizing::new(inner))
}

/// PKCS#8 of an ML-DSA key (RFC 9881 section 6) from its seed or, where that is lost, from the expanded key.
pub fn ml_dsa_pkcs8(set: MlDsaSet, value: &[u8]) -> Result<Secret> {
    lattice_pkcs8(KeyType::MlDsa(set), MlDsaSet::SEED_BYTES, set.expanded_key_bytes(), value)
}

/// PKCS#8 of an ML-KEM key (RFC 9935 section 6) from its seed d‖z or, where that is lost, from the expanded key.
pub fn ml_kem_pkcs8(set: MlKemSet, value: &[u8]) -> Result<Secret> {
    lattice_pkcs8(KeyType::MlKem(set), MlKemSet::SEED_BYTES, set.expanded_key_bytes(), value)
}

fn lattice_pkcs8(key_type: KeyType, seed_len: usize, expanded_len: usize, value: &[u8]) -> Result<Secret> {
    let octets = OctetStringRef::new(value).map_err(Error::internal)?;
    let inner = if value.len() == seed_len {
        AnyRef::new(SEED_TAG, value).and_then(|seed| seed.to_der())
    } else if value.len() == expanded_len {
        octets.to_der()
    } else {
        let detail = format!("a private key of {} has {seed_len} or {expanded_len} bytes", key_type.kind());
        return Err(invalid(detail));
    };
    wrap(raw_identifier(key_type)?, &Zeroizing::new(inner.map_err(Error::internal)?))
}

/// PKCS#8 of a Diffie-Hellman key (PKCS#3 parameters, the private value as an INTEGER).
pub fn dh_pkcs8(p: &[u8], g: &[u8], value: &[u8]) -> Result<Secret> {
    let parameters = dh_parameters(p, g)?;
    let inner = UintRef::new(value).and_then(|number| number.to_der()).map_err(Error::internal)?;
    wrap(dh_identifier(&parameters)?, &Zeroizing::new(inner))
}

/// SubjectPublicKeyInfo of an RSA key.
pub fn rsa_spki(n: &[u8], e: &[u8]) -> Result<Vec<u8>> {
    let uint = |bytes| UintRef::new(bytes).map_err(|cause| invalid("not a number").because(cause));
    let key = pkcs1::RsaPublicKeyRef { modulus: uint(n)?, public_exponent: uint(e)? };
    spki(pkcs1::ALGORITHM_ID, &key.to_der().map_err(Error::internal)?)
}

/// SubjectPublicKeyInfo of an EC key from its point, compressed or not (SEC 1 section 2.3.3).
pub fn ec_spki(curve: Curve, point: &[u8]) -> Result<Vec<u8>> {
    let oid: ObjectIdentifier = ObjectIdentifier::from_der(curve.oid_der()).map_err(Error::internal)?;
    spki(AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&oid)) }, point)
}

/// SubjectPublicKeyInfo of a key whose public half is bytes: EdDSA, X25519, X448, ML-DSA, ML-KEM.
pub fn raw_spki(key_type: KeyType, public: &[u8]) -> Result<Vec<u8>> {
    spki(raw_identifier(key_type)?, public)
}

/// SubjectPublicKeyInfo of a Diffie-Hellman key.
pub fn dh_spki(p: &[u8], g: &[u8], y: &[u8]) -> Result<Vec<u8>> {
    let parameters = dh_parameters(p, g)?;
    let y = UintRef::new(y).and_then(|number| number.to_der()).map_err(Error::internal)?;
    spki(dh_identifier(&parameters)?, &y)
}

/// A new private key of a type that is made of random bytes alone.
pub(super) fn random_pkcs8(key_type: KeyType) -> Result<Option<Secret>> {
    let bytes = |len| {
        let mut bytes = Zeroizing::new(vec![0; len]);
        fill_random(&mut bytes).map(|()| bytes)
    };
    Ok(Some(match key_type {
        KeyType::Edwards(curve) => edwards_pkcs8(curve, &bytes(curve.key_bytes())?)?,
        KeyType::Montgomery(curve) => montgomery_pkcs8(curve, &bytes(curve.key_bytes())?)?,
        KeyType::MlDsa(set) => ml_dsa_pkcs8(set, &bytes(MlDsaSet::SEED_BYTES)?)?,
        KeyType::MlKem(set) => ml_kem_pkcs8(set, &bytes(MlKemSet::SEED_BYTES)?)?,
        KeyType::Secret(_, len) => bytes(len as usize)?,
        KeyType::Rsa(_) | KeyType::Ec(_) | KeyType::Dh(_) => return Ok(None),
    }))
}

/// The refusal to make a Diffie-Hellman key from its size alone.
pub(super) fn needs_parameters() -> Error {
    Error::new(ErrorCode::UnsupportedAlgorithm, "a DH key needs a prime and a base")
}

/// The secret values of a private key (PKCS#8 DER, unencrypted).
pub fn parts_of(pkcs8_der: &[u8]) -> Result<PrivateParts> {
    let info =
        PrivateKeyInfoRef::from_der(pkcs8_der).map_err(|cause| invalid("not a PKCS#8 private key").because(cause))?;
    parts_of_info(&info)
}

/// As [`parts_of`], of what is already taken apart.
pub(super) fn parts_of_info(info: &PrivateKeyInfoRef<'_>) -> Result<PrivateParts> {
    let (identifier, key) = (&info.algorithm, info.private_key.as_bytes());
    let secret = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
    if identifier.oid == pkcs1::ALGORITHM_OID {
        let key =
            pkcs1::RsaPrivateKeyRef::from_der(key).map_err(|cause| invalid("not an RSA private key").because(cause))?;
        let number = |number: UintRef<'_>| secret(number.as_bytes());
        return Ok(PrivateParts::Rsa {
            d: number(key.private_exponent),
            p: number(key.prime1),
            q: number(key.prime2),
            dp: number(key.exponent1),
            dq: number(key.exponent2),
            qinv: number(key.coefficient),
        });
    }
    if identifier.oid == EC_PUBLIC_KEY {
        let curve = identifier.parameters_oid().ok().and_then(on_curve_oid);
        let curve = curve.ok_or_else(|| invalid("not a curve that is known"))?;
        let key = EcPrivateKey::from_der(key).map_err(|cause| invalid("not an EC private key").because(cause))?;
        return Ok(PrivateParts::Ec(curve, secret(key.private_key)));
    }
    if identifier.oid == DH_KEY_AGREEMENT {
        let parameters = identifier.parameters.and_then(|any| any.decode_as::<DhParameters<'_>>().ok());
        let parameters = parameters.ok_or_else(|| invalid("DH without its parameters"))?;
        let value = UintRef::from_der(key).map_err(|cause| invalid("not a DH private key").because(cause))?;
        let (p, g) = (parameters.prime.as_bytes().to_vec(), parameters.base.as_bytes().to_vec());
        return Ok(PrivateParts::Dh { p, g, value: secret(value.as_bytes()) });
    }
    let of_len = |len: usize| {
        let octets = <&OctetStringRef>::from_der(key).ok().filter(|octets| octets.as_bytes().len() == len);
        octets.map(|octets| secret(octets.as_bytes())).ok_or_else(|| invalid("a private key of the wrong length"))
    };
    match raw_type(identifier.oid) {
        Some(KeyType::Edwards(curve)) => Ok(PrivateParts::Edwards(curve, of_len(curve.key_bytes())?)),
        Some(KeyType::Montgomery(curve)) => Ok(PrivateParts::Montgomery(curve, of_len(curve.key_bytes())?)),
        Some(KeyType::MlDsa(set)) => {
            let (seed, expanded) = seed_or_expanded(key, MlDsaSet::SEED_BYTES, set.expanded_key_bytes())?;
            let (seed, expanded) = settle(seed, expanded, |seed| lattice::expand_ml_dsa(set, seed))?;
            Ok(PrivateParts::MlDsa(set, seed, expanded))
        }
        Some(KeyType::MlKem(set)) => {
            let (seed, expanded) = seed_or_expanded(key, MlKemSet::SEED_BYTES, set.expanded_key_bytes())?;
            let (seed, expanded) = settle(seed, expanded, |seed| lattice::expand_ml_kem(set, seed))?;
            Ok(PrivateParts::MlKem(set, seed, expanded))
        }
        _ => Err(Error::new(
            ErrorCode::UnsupportedAlgorithm,
            format!("keys of the type {} are not supported", identifier.oid),
        )),
    }
}

/// The three choices of RFC 9881 section 6 and RFC 9935 section 6.
fn seed_or_expanded(der: &[u8], seed_len: usize, expanded_len: usize) -> Result<(Option<Secret>, Option<Secret>)> {
    let malformed = || invalid("not a private key of its type");
    let of_len = |bytes: &[u8], len: usize| {
        (bytes.len() == len).then(|| Zeroizing::new(bytes.to_vec())).ok_or_else(malformed).map(Some)
    };
    let any = AnyRef::from_der(der).map_err(|cause| malformed().because(cause))?;
    match any.tag() {
        SEED_TAG => Ok((of_len(any.value(), seed_len)?, None)),
        Tag::OctetString => Ok((None, of_len(any.value(), expanded_len)?)),
        Tag::Sequence => {
            let both = Both::from_der(der).map_err(|cause| malformed().because(cause))?;
            Ok((of_len(both.seed.as_bytes(), seed_len)?, of_len(both.expanded.as_bytes(), expanded_len)?))
        }
        _ => Err(malformed()),
    }
}

/// The expanded key, made of the seed where there is one; where there are both, they must agree.
fn settle(
    seed: Option<Secret>,
    told: Option<Secret>,
    expand: impl FnOnce(&[u8]) -> Result<Secret>,
) -> Result<(Option<Secret>, Secret)> {
    match (seed, told) {
        (Some(seed), told) => {
            let expanded = expand(&seed)?;
            if told.is_some_and(|told| told != expanded) {
                return Err(invalid("the seed and the expanded key are not of one key"));
            }
            Ok((Some(seed), expanded))
        }
        (None, Some(expanded)) => Ok((None, expanded)),
        (None, None) => Err(Error::internal("a private key without a choice")),
    }
}

/// The public key in the form that its BIT STRING has, for the types that `key_info.rs` does not read itself.
pub(super) fn public_of(parts: &PrivateParts) -> Result<Vec<u8>> {
    match parts {
        PrivateParts::Edwards(curve, value) => edwards::public_of(*curve, value),
        PrivateParts::Montgomery(curve, value) => montgomery::public_of(*curve, value),
        PrivateParts::MlDsa(set, seed, expanded) => lattice::ml_dsa_public_of(*set, seed.as_ref(), expanded),
        PrivateParts::MlKem(set, _, expanded) => lattice::ml_kem_public_of(*set, expanded),
        PrivateParts::Dh { p, g, value } => {
            let y = dh::public_of(p, g, value)?;
            UintRef::new(&y).and_then(|number| number.to_der()).map_err(Error::internal)
        }
        PrivateParts::Rsa { .. } | PrivateParts::Ec(..) => Err(Error::internal("a key with a reader of its own")),
    }
}

fn raw_identifier(key_type: KeyType) -> Result<AlgorithmIdentifierRef<'static>> {
    let oid: ObjectIdentifier = ObjectIdentifier::from_der(raw_oid_der(key_type)).map_err(Error::internal)?;
    Ok(AlgorithmIdentifierRef { oid, parameters: None })
}

fn dh_parameters(p: &[u8], g: &[u8]) -> Result<Vec<u8>> {
    let uint = |bytes| UintRef::new(bytes).map_err(|cause| invalid("not a number").because(cause));
    let parameters = DhParameters { prime: uint(p)?, base: uint(g)?, private_value_length: None };
    parameters.to_der().map_err(Error::internal)
}

fn dh_identifier(parameters: &[u8]) -> Result<AlgorithmIdentifierRef<'_>> {
    let parameters = Some(AnyRef::from_der(parameters).map_err(Error::internal)?);
    Ok(AlgorithmIdentifierRef { oid: DH_KEY_AGREEMENT, parameters })
}

/// OneAsymmetricKey, version 1 (RFC 5958 section 2).
fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Secret> {
    let key = OctetStringRef::new(key).map_err(Error::internal)?;
    PrivateKeyInfoRef::new(algorithm, key).to_der().map(Zeroizing::new).map_err(Error::internal)
}

fn spki(algorithm: AlgorithmIdentifierRef<'_>, public: &[u8]) -> Result<Vec<u8>> {
    let subject_public_key = BitStringRef::from_bytes(public).map_err(Error::internal)?;
    SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der().map_err(Error::internal)
}

/// A big-endian number without leading zeros.
pub(super) fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::KeyInvalid, detail)
}

#[cfg(test)]
mod tests;
