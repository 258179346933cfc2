//! Mechanisms of signatures and MACs. A mechanism that hashes a message before it signs gets the digest from the module.

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Hash, SignScheme},
    mechanism::{Family, Row},
    pkcs11::v1::{Mechanism, RsaPssParams, SignContextParams, mechanism::Parameter},
};

use super::{hash, invalid, mgf, no_parameter, row, size};
use crate::{
    crypto::mac::Mac,
    error::{Error, ErrorCode, Result},
    ops::method::{Method, Signing},
};

/// The longest context of EdDSA, ML-DSA and HashML-DSA (RFC 8032 section 2, FIPS 204 section 5.2).
const MAX_CONTEXT_BYTES: usize = 255;

/// How a mechanism signs, or with `recover` signs so that the message comes out of the signature.
pub fn sign(mechanism: &Mechanism, recover: bool) -> Result<Method<Signing>> {
    let row = row(mechanism, if recover { ck::CKF_SIGN_RECOVER } else { ck::CKF_SIGN })?;
    let how = match row.family {
        Family::RsaPkcs | Family::RsaX509 | Family::Ecdsa => {
            no_parameter(row, mechanism)?;
            Signing::Signature(plain(row))
        }
        Family::RsaPss => match &mechanism.parameter {
            Some(Parameter::RsaPss(parameters)) => Signing::Signature(pss(row, parameters)?),
            _ => return Err(invalid(row, "it takes CK_RSA_PKCS_PSS_PARAMS")),
        },
        Family::EdDsa => Signing::Signature(eddsa(row, mechanism)?),
        Family::MlDsa | Family::HashMlDsa => Signing::Signature(ml_dsa(row, mechanism)?),
        Family::Hmac | Family::AesCmac => {
            no_parameter(row, mechanism)?;
            whole(keyed_hash(row)?)
        }
        Family::HmacGeneral | Family::AesCmacGeneral => match mechanism.parameter {
            Some(Parameter::MacLenBytes(len)) => shortened(row, keyed_hash(row)?, size(row, len)?)?,
            _ => return Err(invalid(row, "it takes CK_MAC_GENERAL_PARAMS")),
        },
        Family::AesGmac => gmac(row, mechanism)?,
        _ => return Err(Error::new(ErrorCode::UnsupportedAlgorithm, format!("{} makes no signature", row.name))),
    };
    Ok(Method { row, how })
}

fn plain(row: &Row) -> SignScheme {
    match (row.family, row.hash) {
        (Family::RsaPkcs, Some(hash)) => SignScheme::RsaPkcs1(hash),
        (Family::RsaPkcs, None) => SignScheme::RsaPkcs1Raw,
        (Family::RsaX509, _) => SignScheme::RsaRaw,
        _ => SignScheme::Ecdsa,
    }
}

fn pss(row: &Row, parameters: &RsaPssParams) -> Result<SignScheme> {
    let named = hash(row, parameters.hash)?;
    // PKCS#11 3.2 section 6.1.10: a mechanism that hashes must name the same hash in its parameters.
    if row.hash.is_some_and(|hashed| hashed != named) {
        return Err(invalid(row, "its hash and its parameters' differ"));
    }
    let salt_len_bytes = size(row, parameters.salt_len_bytes)?;
    Ok(SignScheme::RsaPss { hash: named, mgf: mgf(row, parameters.mgf)?, salt_len_bytes })
}

fn eddsa(row: &Row, mechanism: &Mechanism) -> Result<SignScheme> {
    match &mechanism.parameter {
        None => Ok(SignScheme::EdDsa { context: None, prehashed: false }),
        Some(Parameter::Eddsa(parameters)) => {
            check_context(row, &parameters.context)?;
            Ok(SignScheme::EdDsa { context: Some(parameters.context.to_vec()), prehashed: parameters.prehash })
        }
        Some(_) => Err(invalid(row, "it takes nothing or CK_EDDSA_PARAMS")),
    }
}

/// The context went into mu, in the module; what is left for the key is whether it may use fresh random.
fn ml_dsa(row: &Row, mechanism: &Mechanism) -> Result<SignScheme> {
    let parameters = match &mechanism.parameter {
        None if row.family == Family::MlDsa || row.hash.is_some() => &SignContextParams::default(),
        Some(Parameter::SignContext(parameters)) => parameters,
        _ => return Err(invalid(row, "it takes a context and, if its name has none, a hash")),
    };
    check_context(row, &parameters.context)?;
    if row.family == Family::HashMlDsa && row.hash.is_none() {
        hash(row, parameters.hash)?;
    }
    let deterministic = match parameters.hedge {
        ck::CKH_HEDGE_PREFERRED | ck::CKH_HEDGE_REQUIRED => false,
        ck::CKH_DETERMINISTIC_REQUIRED => true,
        _ => return Err(invalid(row, "the hedge type is not known")),
    };
    Ok(SignScheme::MlDsaMu { deterministic })
}

fn check_context(row: &Row, context: &[u8]) -> Result<()> {
    match context.len() {
        0..=MAX_CONTEXT_BYTES => Ok(()),
        _ => Err(invalid(row, &format!("a context has at most {MAX_CONTEXT_BYTES} bytes"))),
    }
}

fn keyed_hash(row: &Row) -> Result<Mac> {
    match (row.family, row.hash) {
        (Family::AesCmac | Family::AesCmacGeneral, _) => Ok(Mac::AesCmac),
        (_, Some(hash)) => Ok(Mac::Hmac(hash)),
        (_, None) => Err(Error::internal("an HMAC without a hash")),
    }
}

/// The name of the pseudo-random functions among the parameters of derivations: a mechanism of HMAC or CMAC.
pub fn pseudo_random(row: &Row, number: u64) -> Result<Mac> {
    match softkeep_proto::mechanism::find(number) {
        Some(prf) if matches!(prf.family, Family::Hmac | Family::AesCmac) => keyed_hash(prf),
        // PKCS#11 3.2 section 6.42.3 names the hash's HMAC; some programs name the hash.
        Some(prf) if prf.family == Family::Digest => Ok(Mac::Hmac(prf.hash.unwrap_or(Hash::Sha256))),
        _ => Err(invalid(row, "the pseudo-random function is not known here")),
    }
}

fn whole(mac: Mac) -> Signing {
    let len_bytes = mac.len();
    Signing::Mac { mac, len_bytes }
}

fn shortened(row: &Row, mac: Mac, len_bytes: usize) -> Result<Signing> {
    match (1..=mac.len()).contains(&len_bytes) {
        true => Ok(Signing::Mac { mac, len_bytes }),
        false => Err(invalid(row, &format!("its MAC has 1 to {} bytes", mac.len()))),
    }
}

/// The parameter is the initialisation vector (PKCS#11 3.2 section 6.13.5), or CK_GCM_PARAMS, which may shorten the tag.
fn gmac(row: &Row, mechanism: &Mechanism) -> Result<Signing> {
    match &mechanism.parameter {
        Some(Parameter::Iv(iv)) if !iv.is_empty() => Ok(whole(Mac::AesGmac { iv: iv.to_vec() })),
        Some(Parameter::Aead(aead)) if !aead.nonce.is_empty() && aead.associated_data.is_empty() => {
            let len = if aead.tag_len_bytes == 0 { 16 } else { size(row, aead.tag_len_bytes)? };
            // SP 800-38D section 5.2.1.2.
            if !matches!(len, 4 | 8 | 12..=16) {
                return Err(invalid(row, "its tag has 4, 8 or 12 to 16 bytes"));
            }
            shortened(row, Mac::AesGmac { iv: aead.nonce.to_vec() }, len)
        }
        _ => Err(invalid(row, "it takes an initialisation vector")),
    }
}
