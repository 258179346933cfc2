//! Private keys in PEM, in every form OpenSSL writes, as PKCS#8 DER. All of it happens here: the daemon only ever sees
//! PKCS#8.

#[cfg(test)]
mod tests;

use base64ct::{Base64, Encoding};
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument,
    der::{
        Decode, Encode,
        asn1::{AnyRef, OctetStringRef},
    },
};
use sec1::EcPrivateKey;
use softkeep_proto::error::ErrorCode;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    secret::Secret,
};

/// id-ecPublicKey (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const CONVERT: &str = "openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW makes a form that can be read";

/// One `-----BEGIN …-----` block.
struct Block<'a> {
    label: &'a str,
    /// RFC 1421 headers say that the content is encrypted in OpenSSL's old way.
    legacy_encrypted: bool,
    der: Zeroizing<Vec<u8>>,
}

/// Finds the private key in a PEM text and gives it as PKCS#8 DER. Certificates beside it are not looked at.
/// `password` is asked only if the key is encrypted.
pub fn private_key(text: &str, password: impl FnOnce() -> Result<Secret>) -> Result<Zeroizing<Vec<u8>>> {
    let blocks = blocks(text)?;
    let mut keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
    let key = keys.next().ok_or_else(|| invalid("the PEM has no private key"))?;
    if keys.next().is_some() {
        return Err(invalid("the PEM has more than one private key").fix("keep one in the file"));
    }
    if key.legacy_encrypted {
        return Err(invalid("the key is encrypted in OpenSSL's old format, which is too weak to keep").fix(CONVERT));
    }
    match key.label {
        "PRIVATE KEY" => pkcs8(&key.der),
        "ENCRYPTED PRIVATE KEY" => decrypt(&key.der, &password()?),
        "RSA PRIVATE KEY" => from_pkcs1(&key.der),
        "EC PRIVATE KEY" => from_sec1(&key.der, &blocks),
        other => Err(invalid(format!("'{other}' is not a form of private key known here")).fix(CONVERT)),
    }
}

/// The DER of the first certificate in a PEM text, if there is one.
pub fn certificate(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let packed: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    Base64::decode_vec(&packed).ok()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::coded(ErrorCode::KeyInvalid, message)
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or_else(|| invalid("a PEM header is cut off"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or_else(|| invalid(format!("the PEM lacks '{end}'")))?;
        rest = after;
        let legacy_encrypted = body.contains("Proc-Type:") && body.contains("ENCRYPTED");
        // Headers end at the first empty line; without headers, everything is content.
        let content =
            if body.contains(':') { body.rsplit_once("\n\n").map_or("", |(_, content)| content) } else { body };
        let packed: Zeroizing<String> =
            Zeroizing::new(content.chars().filter(|letter| !letter.is_ascii_whitespace()).collect());
        let der = if legacy_encrypted || !wanted(label) {
            Vec::new()
        } else {
            Base64::decode_vec(&packed).map_err(|_| invalid(format!("the PEM's '{label}' is not base64")))?
        };
        found.push(Block { label, legacy_encrypted, der: Zeroizing::new(der) });
    }
    Ok(found)
}

fn wanted(label: &str) -> bool {
    label.ends_with("PRIVATE KEY") || label == "EC PARAMETERS"
}

fn pkcs8(der: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    PrivateKeyInfoRef::from_der(der).map_err(|_| invalid("the private key is not PKCS#8"))?;
    Ok(Zeroizing::new(der.to_vec()))
}

fn decrypt(der: &[u8], password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(der)
        .map_err(|_| invalid("the key is encrypted in a way that is not known here").fix(CONVERT))?;
    match encrypted.decrypt(password.as_bytes()) {
        Ok(document) => pkcs8(document.as_bytes()).map_err(|_| wrong_password()),
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_)) => {
            Err(wrong_password())
        }
        Err(error) => Err(invalid(format!("the encrypted key cannot be read: {error}")).fix(CONVERT)),
    }
}

/// A wrong password and a damaged file look the same.
fn wrong_password() -> Error {
    invalid("the password is wrong, or the encrypted key is damaged")
        .fix("give the right --pem-password; a trailing blank or newline counts")
}

fn from_pkcs1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    pkcs1::RsaPrivateKeyRef::from_der(der).map_err(|_| invalid("the RSA key is not PKCS#1"))?;
    wrap(pkcs1::ALGORITHM_OID, Some(AnyRef::NULL), der)
}

fn from_sec1(der: &[u8], blocks: &[Block<'_>]) -> Result<Zeroizing<Vec<u8>>> {
    let broken = |_| invalid("the EC key is not SEC1");
    let key = EcPrivateKey::from_der(der).map_err(|_| invalid("the EC key is not SEC1, or its curve has no name"))?;
    let curve = match key.parameters.as_ref().and_then(|parameters| parameters.named_curve()) {
        Some(curve) => curve,
        None => blocks
            .iter()
            .find(|block| block.label == "EC PARAMETERS")
            .and_then(|block| ObjectIdentifier::from_der(&block.der).ok())
            .ok_or_else(|| invalid("the EC key does not say its curve").fix(CONVERT))?,
    };
    let bare = EcPrivateKey { private_key: key.private_key, parameters: None, public_key: key.public_key };
    let inner = SecretDocument::encode_msg(&bare).map_err(broken)?;
    wrap(EC_PUBLIC_KEY, Some(AnyRef::from(&curve)), inner.as_bytes())
}

/// PKCS#8 around a key.
pub fn wrap(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let broken = |_| invalid("the key cannot be written as PKCS#8");
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key).map_err(broken)?);
    Ok(Zeroizing::new(info.to_der().map_err(broken)?))
}
