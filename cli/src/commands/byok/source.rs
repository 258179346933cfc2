//! The two files that wrapping reads: the public key to wrap for, and the key to be wrapped. PEM, DER, JWK, or a secret key's bytes.

use std::path::Path;

use pkcs8::{
    PrivateKeyInfoRef,
    der::{Decode as _, Encode as _, asn1::BitStringRef},
    spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef},
};
use softkeep_proto::error::ErrorCode;
use zeroize::Zeroizing;

use super::jwk;
use crate::{
    error::{Error, Result},
    files, pem, secret,
};

/// The lengths of a secret key.
const SECRET_BYTES: [usize; 3] = [16, 24, 32];

/// A key to be wrapped.
pub(super) enum TargetKey {
    /// A private key, DER.
    Pkcs8(Zeroizing<Vec<u8>>),
    /// A secret key's bytes.
    Secret(Zeroizing<Vec<u8>>),
}

impl TargetKey {
    /// What is wrapped.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Pkcs8(bytes) | Self::Secret(bytes) => bytes,
        }
    }

    /// Whether it is a private RSA key.
    pub(super) fn is_rsa(&self) -> bool {
        match self {
            Self::Pkcs8(der) => {
                PrivateKeyInfoRef::from_der(der).is_ok_and(|info| info.algorithm.oid == pkcs1::ALGORITHM_OID)
            }
            Self::Secret(_) => false,
        }
    }

    /// Reads the file.
    pub(super) fn read(path: &Path, password: Option<&str>) -> Result<Self> {
        const FLAG: &str = "--key";
        let bytes = files::read(FLAG, path)?;
        let text = std::str::from_utf8(&bytes).ok();
        if let Some(text) = text.filter(|text| text.contains("-----BEGIN ")) {
            let pkcs8 = pem::private_key(text, || {
                secret::given_or_asked("--key-password", password, "password of the key", false)
            })?;
            return Ok(Self::Pkcs8(pkcs8));
        }
        if SECRET_BYTES.contains(&bytes.len()) {
            return Ok(Self::Secret(bytes));
        }
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            let key = jwk::target(FLAG, &bytes)?;
            return match &key {
                Self::Secret(bytes) if !SECRET_BYTES.contains(&bytes.len()) => Err(Error::coded(
                    ErrorCode::KeyInvalid,
                    format!("{FLAG}: a secret key has 128, 192 or 256 bits, not {}", 8 * bytes.len()),
                )),
                _ => Ok(key),
            };
        }
        if PrivateKeyInfoRef::from_der(&bytes).is_ok() {
            return Ok(Self::Pkcs8(bytes));
        }
        Err(Error::coded(ErrorCode::KeyInvalid, format!("{FLAG}: {} is no key", path.display()))
            .fix("a private key in PEM, PKCS#8 DER or JWK, or the 16, 24 or 32 bytes of a secret key"))
    }
}

/// The public RSA key of a file, as SubjectPublicKeyInfo DER.
pub(super) fn read_kek(path: &Path) -> Result<Vec<u8>> {
    const FLAG: &str = "--kek";
    let bytes = files::read(FLAG, path)?;
    let broken = || {
        Error::coded(ErrorCode::KeyInvalid, format!("{FLAG}: {} is no public RSA key", path.display()))
            .fix("a public key in PEM, DER or JWK: what softkeep key download or the other service gave")
    };
    let pkcs1_der = if bytes.trim_ascii_start().first() == Some(&b'{') {
        jwk::rsa_public(FLAG, &bytes)?
    } else if let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| text.contains("-----BEGIN ")) {
        if text.contains("PRIVATE KEY-----") {
            return Err(Error::coded(ErrorCode::KeyInvalid, format!("{FLAG}: the file has a private key"))
                .fix("only the public key of the key that unwraps is needed here; keep the private one away"));
        }
        let (label, document) = pkcs8::Document::from_pem(text.trim()).map_err(|_| broken())?;
        match label {
            "PUBLIC KEY" => return rsa_spki(document.as_bytes()).ok_or_else(broken),
            "RSA PUBLIC KEY" => document.as_bytes().to_vec(),
            _ => return Err(broken()),
        }
    } else {
        return rsa_spki(&bytes).ok_or_else(broken);
    };
    pkcs1::RsaPublicKeyRef::from_der(&pkcs1_der).map_err(|_| broken())?;
    let subject_public_key = BitStringRef::from_bytes(&pkcs1_der).map_err(|_| broken())?;
    let spki = SubjectPublicKeyInfo { algorithm: pkcs1::ALGORITHM_ID, subject_public_key };
    spki.to_der().map_err(|_| broken())
}

fn rsa_spki(der: &[u8]) -> Option<Vec<u8>> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    (spki.algorithm.oid == pkcs1::ALGORITHM_OID).then(|| der.to_vec())
}
