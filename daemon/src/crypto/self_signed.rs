//! A self-signed X.509 certificate for a key (RFC 5280): what programs ask for that can find a key only by its
//! certificate. It certifies nothing, issues nothing, and the private key stays with the caller's `sign`.

use std::time::Duration;

use const_oid::AssociatedOid;
use const_oid::db::rfc4519::COMMON_NAME;
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::{Any, AnyRef, BitString, BitStringRef, Null, ObjectIdentifier, OctetString, SetOfVec, UintRef};
use der::asn1::{ContextSpecific, Utf8StringRef};
use der::{DateTime, Decode as _, Encode, Sequence, TagMode, TagNumber};
use softkeep_proto::algorithm::{Curve, Hash, KeyType, MlDsaSet, SignScheme};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::key_info::{PublicInfo, PublicNumbers, raw_oid_der};
use super::lattice::ml_dsa_mu;
use super::{curve_hash, digest, signature_len};
use crate::error::{Error, ErrorCode, Result};

/// ub-common-name (RFC 5280 appendix A.1).
const MAX_COMMON_NAME_CHARS: usize = 64;

/// Name (RFC 5280 section 4.1.2.4): the fields of `x509_cert::name::Name` are not ours to fill, the encoding is this.
type Name = Vec<SetOfVec<AttributeTypeAndValue>>;

/// TBSCertificate (RFC 5280 section 4.1.2), because `x509_cert::TbsCertificate` can be read but not made without its
/// builder, which wants the key in its own traits.
#[derive(Sequence)]
struct Tbs<'a> {
    version: ContextSpecific<Version>,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: Name,
    validity: Validity<Rfc5280>,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoRef<'a>,
    extensions: ContextSpecific<Extensions>,
}

/// Certificate (RFC 5280 section 4.1.1).
#[derive(Sequence)]
struct Certificate<'a> {
    tbs: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitString,
}

/// Ecdsa-Sig-Value (RFC 3279 section 2.2.3).
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// `PrivateKey::sign` of a key that is somewhere else.
pub type Sign<'a> = &'a dyn Fn(&SignScheme, &[u8]) -> Result<Vec<u8>>;

/// Makes the certificate, version 3, in DER. `sign` is `PrivateKey::sign` of the key. The common name has 1
/// to 64 characters; the times are seconds since 1970.
pub fn certificate(
    subject_common_name: &str,
    public: &PublicInfo,
    not_before_unix: i64,
    not_after_unix: i64,
    serial: [u8; 16],
    sign: Sign<'_>,
) -> Result<Vec<u8>> {
    if subject_common_name.is_empty() || subject_common_name.chars().count() > MAX_COMMON_NAME_CHARS {
        let detail = format!("a common name has 1 to {MAX_COMMON_NAME_CHARS} characters");
        return Err(Error::new(ErrorCode::InvalidArgument, detail));
    }
    if not_before_unix > not_after_unix {
        return Err(Error::new(ErrorCode::InvalidArgument, "the certificate ends before it begins"));
    }
    let validity = Validity::new(time(not_before_unix)?, time(not_after_unix)?);
    let (hashed, scheme, algorithm) = signature_algorithm(public.key_type)?;
    let tbs = tbs(subject_common_name, public, validity, serial, algorithm).map_err(Error::internal)?;

    let signature = sign(&scheme, &hashed.input(public, &tbs)?)?;
    if signature.len() != signature_len(public.key_type) {
        return Err(Error::internal("the certificate's signature has the wrong length"));
    }
    assemble(&tbs, algorithm, public.key_type, &signature).map_err(Error::internal)
}

fn tbs(
    common_name: &str,
    public: &PublicInfo,
    validity: Validity<Rfc5280>,
    serial: [u8; 16],
    algorithm: AlgorithmIdentifierRef<'_>,
) -> der::Result<Vec<u8>> {
    let spki = SubjectPublicKeyInfoRef::from_der(&public.spki_der)?;
    let name = name(common_name)?;
    let extensions = vec![
        extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
        extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
        extension(false, &SubjectKeyIdentifier(OctetString::new(key_identifier(&spki.subject_public_key))?))?,
    ];
    Tbs {
        version: explicit(0, Version::V3),
        serial_number: SerialNumber::new(&positive(serial))?,
        signature: algorithm,
        issuer: name.clone(),
        validity,
        subject: name,
        subject_public_key_info: spki,
        extensions: explicit(3, extensions),
    }
    .to_der()
}

fn assemble(
    tbs: &[u8],
    algorithm: AlgorithmIdentifierRef<'_>,
    key_type: KeyType,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    let signature = match key_type {
        KeyType::Rsa(_) => signature.to_vec(),
        KeyType::Ec(curve) => {
            let (r, s) = signature.split_at_checked(curve.width_bytes()).unwrap_or((signature, &[]));
            EcdsaSigValue { r: UintRef::new(r)?, s: UintRef::new(s)? }.to_der()?
        }
        _ => signature.to_vec(),
    };
    let signature = BitString::from_bytes(&signature)?;
    Certificate { tbs: AnyRef::from_der(tbs)?, signature_algorithm: algorithm, signature }.to_der()
}

/// What is done with the bytes to be signed before `sign` gets them.
enum Hashed {
    By(Hash),
    Not,
    ToMu(MlDsaSet),
}

impl Hashed {
    fn input(&self, public: &PublicInfo, tbs: &[u8]) -> Result<Vec<u8>> {
        match (self, &public.numbers) {
            (Hashed::By(hash), _) => Ok(digest(*hash, tbs)),
            (Hashed::Not, _) => Ok(tbs.to_vec()),
            (Hashed::ToMu(set), PublicNumbers::Raw(key)) => ml_dsa_mu(*set, key, b"", tbs),
            (Hashed::ToMu(_), _) => Err(Error::internal("an ML-DSA key without its bytes")),
        }
    }
}

/// The identifier of types whose keys and signatures share one.
fn own_identifier(key_type: KeyType) -> Result<AlgorithmIdentifierRef<'static>> {
    let oid = ObjectIdentifier::from_der(raw_oid_der(key_type)).map_err(Error::internal)?;
    Ok(AlgorithmIdentifierRef { oid, parameters: None })
}

/// RFC 4055 section 5 for RSA (the parameters are NULL), RFC 5758 section 3.2 for ECDSA (there are none).
fn signature_algorithm(key_type: KeyType) -> Result<(Hashed, SignScheme, AlgorithmIdentifierRef<'static>)> {
    Ok(match key_type {
        KeyType::Rsa(_) => {
            let algorithm =
                AlgorithmIdentifierRef { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(AnyRef::from(Null)) };
            (Hashed::By(Hash::Sha256), SignScheme::RsaPkcs1(Hash::Sha256), algorithm)
        }
        KeyType::Ec(curve) => {
            let oid: ObjectIdentifier = match curve {
                // RFC 8812 leaves certificates out; what secp256k1 ones carry is this.
                Curve::P256 | Curve::P256K => ECDSA_WITH_SHA_256,
                Curve::P384 => ECDSA_WITH_SHA_384,
                Curve::P521 => ECDSA_WITH_SHA_512,
            };
            (Hashed::By(curve_hash(curve)), SignScheme::Ecdsa, AlgorithmIdentifierRef { oid, parameters: None })
        }
        // RFC 8410 section 6: Ed25519 and Ed448 without a context. The identifier is the key's own.
        KeyType::Edwards(_) => {
            let scheme = SignScheme::EdDsa { context: None, prehashed: false };
            (Hashed::Not, scheme, own_identifier(key_type)?)
        }
        // RFC 9881 section 3: pure ML-DSA with an empty context.
        KeyType::MlDsa(set) => {
            (Hashed::ToMu(set), SignScheme::MlDsaMu { deterministic: false }, own_identifier(key_type)?)
        }
        _ => return Err(Error::new(ErrorCode::KeyTypeMismatch, "no certificate is made for keys of this type")),
    })
}

/// Whether [`certificate`] makes one for keys of this type.
pub fn can_certify(key_type: KeyType) -> bool {
    signature_algorithm(key_type).is_ok()
}

fn name(common_name: &str) -> der::Result<Name> {
    let value = Any::from(Utf8StringRef::new(common_name)?);
    let mut relative = SetOfVec::new();
    relative.insert(AttributeTypeAndValue { oid: COMMON_NAME, value })?;
    Ok(vec![relative])
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn explicit<T>(number: u8, value: T) -> ContextSpecific<T> {
    ContextSpecific { tag_number: TagNumber(number.into()), tag_mode: TagMode::Explicit, value }
}

/// RFC 7093 section 2 method 1: the first 160 bits of the SHA-256 of the key.
fn key_identifier(key: &BitStringRef<'_>) -> Vec<u8> {
    let mut identifier = digest(Hash::Sha256, key.raw_bytes());
    identifier.truncate(20);
    identifier
}

/// A serial number is positive (RFC 5280 section 4.1.2.2): its first bit is cleared and its second set.
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    serial[0] = (serial[0] & 0x7f) | 0x40;
    serial
}

fn time(unix: i64) -> Result<Time> {
    u64::try_from(unix)
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .map(Time::from)
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "a certificate's time is between 1970 and 9999"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use softkeep_proto::algorithm::{EdwardsCurve, MontgomeryCurve};

    use super::*;
    use crate::crypto::key_info::public_info_of_private;
    use crate::crypto::{AwsLc, Backend as _};

    fn make(key_type: KeyType, name: &str, from: i64, to: i64) -> Result<Vec<u8>> {
        let pkcs8 = AwsLc.generate(key_type)?;
        let key = AwsLc.open(&pkcs8)?;
        let public = public_info_of_private(&pkcs8)?;
        certificate(name, &public, from, to, [0xff; 16], &|scheme, input| key.sign(scheme, input))
    }

    #[test]
    fn openssl_reads_and_verifies() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("certificate.pem");
        for (key_type, algorithm) in [
            (KeyType::Rsa(2048), "sha256WithRSAEncryption"),
            (KeyType::Ec(Curve::P256), "ecdsa-with-SHA256"),
            (KeyType::Ec(Curve::P384), "ecdsa-with-SHA384"),
            (KeyType::Ec(Curve::P521), "ecdsa-with-SHA512"),
            (KeyType::Ec(Curve::P256K), "ecdsa-with-SHA256"),
            (KeyType::Edwards(EdwardsCurve::Ed25519), "ED25519"),
            (KeyType::Edwards(EdwardsCurve::Ed448), "ED448"),
        ] {
            let der = make(key_type, "schlüssel, /CN=1", 1_700_000_000, 4_000_000_000).unwrap();
            <x509_cert::Certificate as der::Decode>::from_der(&der).unwrap();
            let pem = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &der).unwrap();
            std::fs::write(&path, pem).unwrap();

            let openssl = |arguments: &[&str]| {
                let output = Command::new("openssl").args(arguments).arg(&path).output().unwrap();
                let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(output.status.success(), "{text}");
                text
            };
            let text = openssl(&["x509", "-noout", "-text", "-nameopt", "utf8", "-in"]);
            for expected in [
                algorithm,
                "Version: 3 (0x2)",
                "7f:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff",
                "CN=schlüssel, /CN=1",
                "Not Before: Nov 14 22:13:20 2023 GMT",
                "Not After : Oct  2 07:06:40 2096 GMT",
                "X509v3 Basic Constraints: critical\n                CA:FALSE",
                "X509v3 Key Usage: critical\n                Digital Signature\n",
                "X509v3 Subject Key Identifier: \n",
            ] {
                assert!(text.contains(expected), "{expected} is not in\n{text}");
            }
            openssl(&["verify", "-x509_strict", "-partial_chain", "-CAfile", path.to_str().unwrap()]);
        }
    }

    /// OpenSSL before 3.5 does not know ML-DSA; our own verification must do.
    #[test]
    fn ml_dsa_certificates_verify() {
        for set in MlDsaSet::ALL {
            let der = make(KeyType::MlDsa(set), "x", 0, 1).unwrap();
            let certificate = <x509_cert::Certificate as der::Decode>::from_der(&der).unwrap();
            let spki = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
            let tbs = certificate.tbs_certificate().to_der().unwrap();
            let PublicNumbers::Raw(key) = crate::crypto::key_info::public_info(&spki).unwrap().numbers else {
                unreachable!()
            };
            let mu = ml_dsa_mu(set, &key, b"", &tbs).unwrap();
            let scheme = SignScheme::MlDsaMu { deterministic: false };
            let signature = certificate.signature().as_bytes().unwrap();
            assert!(AwsLc.open_public(&spki).unwrap().verify(&scheme, &mu, signature).unwrap());
        }
    }

    #[test]
    fn what_cannot_sign_gets_none() {
        for key_type in [KeyType::Montgomery(MontgomeryCurve::X25519), KeyType::Dh(2048)] {
            assert!(!can_certify(key_type));
        }
        let refusal = make(KeyType::Montgomery(MontgomeryCurve::X25519), "x", 0, 1).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KeyTypeMismatch);
    }

    #[test]
    fn refusals() {
        let code = |name: &str, from, to| make(KeyType::Ec(Curve::P256), name, from, to).unwrap_err().code;
        assert_eq!(code("", 0, 1), ErrorCode::InvalidArgument);
        assert_eq!(code(&"x".repeat(65), 0, 1), ErrorCode::InvalidArgument);
        assert_eq!(code("x", 2, 1), ErrorCode::InvalidArgument);
        assert_eq!(code("x", -1, 1), ErrorCode::InvalidArgument);
        assert_eq!(code("x", 0, i64::MAX), ErrorCode::InvalidArgument);
        let public = public_info_of_private(&AwsLc.generate(KeyType::Ec(Curve::P256)).unwrap()).unwrap();
        let short = certificate("x", &public, 0, 1, [1; 16], &|_, _| Ok(vec![1; 5])).unwrap_err();
        assert_eq!(short.code, ErrorCode::Internal);
        make(KeyType::Ec(Curve::P256), &"ü".repeat(64), 0, 1).unwrap();
    }
}
