//! Client assertions (RFC 7523 section 2.2): a service principal proves with a JWT that it has the private key of a certificate on record.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use der::{Decode, oid::ObjectIdentifier};
use serde::Deserialize;
use x509_cert::Certificate;

use super::{jwt, token};
use crate::id::Id;

/// Longer-lived assertions are as good as passwords; Azure refuses them too.
const MAX_LIFE_SECONDS: i64 = 24 * 3600;
/// Whom an assertion may be for. One made for another service must not open this one.
const AUDIENCES: [&str; 3] = ["softkeep", token::AUDIENCE, token::ISSUER];

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What must be understood (RFC 7515 section 4.1.11); nothing that can stand in it is.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    #[serde(default)]
    iat: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn is_ours(&self) -> bool {
        let ours = |name: &str| AUDIENCES.contains(&name) || name.starts_with(&format!("{}/", token::ISSUER));
        match self {
            Audience::One(name) => ours(name),
            Audience::Many(names) => names.iter().any(|name| ours(name)),
        }
    }
}

/// An assertion that is good, and until when.
pub struct Assertion<'a> {
    /// What it is known by: all that the key signed. Not the signature: to one that ECDSA made, anybody can make another.
    pub signed: &'a str,
    /// When it ends: until then it must not be taken again.
    pub expires: i64,
}

/// Checks an assertion of an application with one of its certificates. `None` says no more than that it is not good.
pub fn check<'a>(assertion: &'a str, application: Id, certificate: &[u8], now: i64) -> Option<Assertion<'a>> {
    let parts = jwt::split(assertion)?;
    let header: Header = serde_json::from_slice(&parts.header).ok()?;
    if header.crit.is_some() {
        return None;
    }
    let certificate = Certificate::from_der(certificate).ok()?;
    let certificate = certificate.tbs_certificate();
    let key = certificate.subject_public_key_info();
    let algorithm = algorithm(&header.alg, key.algorithm.oid)?;
    UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
        .verify(parts.signed.as_bytes(), &parts.signature)
        .ok()?;
    let ends = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < ends(validity.not_before) || now >= ends(validity.not_after) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&parts.claims).ok()?;
    let is_application = |text: &str| Id::parse(&text.replace('-', "")).is_ok_and(|id| id == application);
    let good = is_application(&claims.iss)
        && is_application(&claims.sub)
        && claims.aud.is_ours()
        && claims.exp <= now.saturating_add(MAX_LIFE_SECONDS)
        && token::check_time(claims.nbf.max(claims.iat), claims.exp, now).is_ok();
    good.then_some(Assertion { signed: parts.signed, expires: claims.exp })
}

/// RFC 7518 section 3.1; the key's type must be the algorithm's, and "none" is none of them.
fn algorithm(name: &str, key: ObjectIdentifier) -> Option<&'static dyn VerificationAlgorithm> {
    const RSA: ObjectIdentifier = const_oid::db::rfc5912::RSA_ENCRYPTION;
    const EC: ObjectIdentifier = const_oid::db::rfc5912::ID_EC_PUBLIC_KEY;
    let (algorithm, kind): (&'static dyn VerificationAlgorithm, _) = match name {
        "RS256" => (&RSA_PKCS1_2048_8192_SHA256, RSA),
        "RS384" => (&RSA_PKCS1_2048_8192_SHA384, RSA),
        "RS512" => (&RSA_PKCS1_2048_8192_SHA512, RSA),
        "PS256" => (&RSA_PSS_2048_8192_SHA256, RSA),
        "ES256" => (&ECDSA_P256_SHA256_FIXED, EC),
        "ES384" => (&ECDSA_P384_SHA384_FIXED, EC),
        _ => return None,
    };
    (kind == key).then_some(algorithm)
}

#[cfg(test)]
#[path = "assertion/tests.rs"]
mod tests;
