//! The proof that a service principal has its certificate's private key: a JWT (RFC 7519) that it signs, as RFC 7523
//! section 2.2 has it.

#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    pem, secret, session,
};

/// Who the assertion is for; a daemon takes it from whoever calls it, so this names the product.
const AUDIENCE: &str = "softkeep";
/// Long enough for clocks that differ, short enough to be of no use later.
const LIFETIME_SECONDS: i64 = 5 * 60;

/// Makes the assertion of an application from its PEM file.
pub fn make(app_id: &str, file: &Path) -> Result<String> {
    let text = Zeroizing::new(
        fs::read_to_string(file)
            .map_err(|error| Error::io(format!("--certificate: cannot read {}", file.display()), &error))?,
    );
    let certificate = pem::certificate(&text).ok_or_else(|| {
        Error::usage(format!("--certificate: {} has no certificate", file.display()))
            .fix("put the certificate and its private key into one PEM file")
    })?;
    let key = pem::private_key(&text, || secret::prompt("password of the private key", "--certificate", false))?;
    let now = session::now();
    let claims = json!({
        "aud": AUDIENCE,
        "exp": now + LIFETIME_SECONDS,
        "iat": now,
        "iss": app_id,
        "jti": random_id()?,
        "nbf": now,
        "sub": app_id,
    });
    sign(&certificate, &key, &claims)
}

fn random_id() -> Result<String> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::local("no random numbers"))?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}

/// One of the keys that a certificate may have, and its algorithm's name (RFC 7518 section 3.1).
enum Key {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, &'static str),
}

impl Key {
    fn open(pkcs8: &[u8]) -> Result<Self> {
        let ecdsa = |algorithm, name| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).ok().map(|key| Self::Ecdsa(key, name));
        RsaKeyPair::from_pkcs8(pkcs8)
            .ok()
            .map(Self::Rsa)
            .or_else(|| ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256"))
            .or_else(|| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384"))
            .ok_or_else(|| Error::usage("--certificate: the key is neither RSA nor EC on P-256 or P-384"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_, name) => name,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let signed = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
            Self::Ecdsa(key, _) => key.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| Error::local("the certificate's key does not sign"))
    }
}

fn sign(certificate: &[u8], pkcs8: &[u8], claims: &serde_json::Value) -> Result<String> {
    let key = Key::open(pkcs8)?;
    let header = json!({
        "alg": key.algorithm(),
        "typ": "JWT",
        // RFC 7515 section 4.1.8: which of the principal's certificates this is.
        "x5t#S256": Base64UrlUnpadded::encode_string(&Sha256::digest(certificate)),
    });
    let part = |value: &serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature)))
}
