//! A self-signed X.509 certificate for a key (RFC 5280): what programs ask for that can find a key only by its
//! certificate. It certifies nothing, issues nothing, and the private key stays with the caller's `sign`.

use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::{Any, SetOfVec, Utf8StringRef};
use softkeep_proto::algorithm::KeyType;
use x509_cert::attr::AttributeTypeAndValue;

use super::key_info::PublicInfo;
use super::x509::{self, Contents, Signer, Times, name::Name};
use crate::error::{Error, ErrorCode, Result};

pub use super::x509::Sign;

/// ub-common-name (RFC 5280 appendix A.1).
const MAX_COMMON_NAME_CHARS: usize = 64;

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
    let contents = Contents::signing(name(subject_common_name).map_err(Error::internal)?);
    let times = Times { not_before: not_before_unix, not_after: not_after_unix };
    x509::certificate(&contents, public, times, serial, None, Signer { public, sign })
}

/// Whether [`certificate`] makes one for keys of this type.
pub fn can_certify(key_type: KeyType) -> bool {
    x509::can_sign(key_type)
}

/// A label may have characters that a name in text form would have to escape.
fn name(common_name: &str) -> der::Result<Name> {
    let value = Any::from(Utf8StringRef::new(common_name)?);
    let mut relative = SetOfVec::new();
    relative.insert(AttributeTypeAndValue { oid: COMMON_NAME, value })?;
    Ok(vec![relative])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use der::Encode as _;
    use softkeep_proto::algorithm::{Curve, EdwardsCurve, MlDsaSet, MontgomeryCurve, SignScheme};

    use super::*;
    use crate::crypto::key_info::{PublicNumbers, public_info_of_private};
    use crate::crypto::lattice::ml_dsa_mu;
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
