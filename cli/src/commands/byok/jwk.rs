//! Keys as JWK (RFC 7517, 7518, 8037): a public RSA key to wrap for, a private or secret key to be wrapped.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use pkcs8::{
    ObjectIdentifier,
    der::{
        Encode as _,
        asn1::{AnyRef, OctetStringRef, UintRef},
    },
};
use sec1::EcPrivateKey;
use serde::Deserialize;
use softkeep_proto::{algorithm::Curve, error::ErrorCode};
use zeroize::{Zeroize, Zeroizing};

use super::source::TargetKey;
use crate::{
    error::{Error, Result},
    pem,
};

/// id-ecPublicKey (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410 section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The members that matter; others may be there. It may come inside Key Vault's answer.
#[derive(Deserialize, Default, Zeroize)]
#[serde(default)]
struct Jwk {
    kty: String,
    crv: String,
    n: String,
    e: String,
    d: String,
    p: String,
    q: String,
    dp: String,
    dq: String,
    qi: String,
    x: String,
    y: String,
    k: String,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::coded(ErrorCode::KeyInvalid, message)
}

fn parse(flag: &str, bytes: &[u8]) -> Result<Zeroizing<Jwk>> {
    serde_json::from_slice(bytes).map(Zeroizing::new).map_err(|_| invalid(format!("{flag}: the file is no JWK")))
}

impl Jwk {
    fn number(&self, name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')).unwrap_or_default();
        if bytes.is_empty() {
            return Err(invalid(format!("the JWK of type {} has no '{name}' in base64url", self.kty)));
        }
        Ok(Zeroizing::new(bytes))
    }

    fn is(&self, kty: &str) -> bool {
        self.kty.strip_suffix("-HSM").unwrap_or(&self.kty) == kty
    }
}

fn uint(bytes: &[u8]) -> Result<UintRef<'_>> {
    UintRef::new(bytes).map_err(|_| invalid("a number of the JWK is too long"))
}

/// The public RSA key as PKCS#1.
pub(super) fn rsa_public(flag: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let jwk = parse(flag, bytes)?;
    if !jwk.is("RSA") {
        return Err(invalid(format!("{flag}: the JWK is of type {}, not RSA", jwk.kty)));
    }
    let (n, e) = (jwk.number("n", &jwk.n)?, jwk.number("e", &jwk.e)?);
    let key = pkcs1::RsaPublicKey { modulus: uint(&n)?, public_exponent: uint(&e)? };
    key.to_der().map_err(|_| invalid(format!("{flag}: the JWK cannot be written as a public key")))
}

/// The private or secret key.
pub(super) fn target(flag: &str, bytes: &[u8]) -> Result<TargetKey> {
    let jwk = parse(flag, bytes)?;
    let broken = |_| invalid(format!("{flag}: the JWK cannot be written as PKCS#8"));
    if jwk.is("oct") {
        return Ok(TargetKey::Secret(jwk.number("k", &jwk.k)?));
    }
    if jwk.is("RSA") {
        let [n, e, d, p, q, dp, dq, qi] = [
            jwk.number("n", &jwk.n)?,
            jwk.number("e", &jwk.e)?,
            jwk.number("d", &jwk.d)?,
            jwk.number("p", &jwk.p)?,
            jwk.number("q", &jwk.q)?,
            jwk.number("dp", &jwk.dp)?,
            jwk.number("dq", &jwk.dq)?,
            jwk.number("qi", &jwk.qi)?,
        ];
        let key = pkcs1::RsaPrivateKey {
            modulus: uint(&n)?,
            public_exponent: uint(&e)?,
            private_exponent: uint(&d)?,
            prime1: uint(&p)?,
            prime2: uint(&q)?,
            exponent1: uint(&dp)?,
            exponent2: uint(&dq)?,
            coefficient: uint(&qi)?,
            other_prime_infos: None,
        };
        let der = Zeroizing::new(key.to_der().map_err(broken)?);
        return pem::wrap(pkcs1::ALGORITHM_OID, Some(AnyRef::NULL), &der).map(TargetKey::Pkcs8);
    }
    let d = jwk.number("d", &jwk.d)?;
    if jwk.is("EC") {
        let curve = Curve::by_name(&jwk.crv)
            .ok_or_else(|| invalid(format!("{flag}: the JWK's curve '{}' is not known", jwk.crv)))?;
        let oid = ObjectIdentifier::from_bytes(curve.oid_der().get(2..).unwrap_or_default())
            .map_err(|_| invalid(format!("{flag}: the JWK's curve has no name in DER")))?;
        let point = [&[4][..], &jwk.number("x", &jwk.x)?, &jwk.number("y", &jwk.y)?].concat();
        let key = EcPrivateKey { private_key: &d, parameters: None, public_key: Some(&point) };
        let der = Zeroizing::new(key.to_der().map_err(broken)?);
        return pem::wrap(EC_PUBLIC_KEY, Some(AnyRef::from(&oid)), &der).map(TargetKey::Pkcs8);
    }
    if jwk.is("OKP") && jwk.crv == "Ed25519" {
        let inner = OctetStringRef::new(&d).map_err(broken)?.to_der().map_err(broken)?;
        return pem::wrap(ED25519, None, &Zeroizing::new(inner)).map(TargetKey::Pkcs8);
    }
    Err(invalid(format!("{flag}: a JWK of type '{}' {} is not known here", jwk.kty, jwk.crv)))
}
