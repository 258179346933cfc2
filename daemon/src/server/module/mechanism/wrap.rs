//! Mechanisms that take keys out and bring keys in, and those that make a key for two.

use softkeep_proto::{
    mechanism::{Family, Row},
    pkcs11::v1::{Mechanism, mechanism::Parameter},
};

use super::{
    cipher::{cipher, rsa},
    derive::agreement_kdf,
    invalid, no_parameter, oaep, row,
};
use crate::{
    crypto::cipher::Cipher,
    error::{Error, ErrorCode, Result},
    ops::method::{Method, Wrapping},
};

/// How a mechanism wraps (CKF_WRAP) or unwraps (CKF_UNWRAP). `associated_data` is that of C_WrapKeyAuthenticated.
pub fn wrap(mechanism: &Mechanism, flag: u64, associated_data: &[u8]) -> Result<Method<Wrapping>> {
    let row = row(mechanism, flag)?;
    let how = match (row.family, &mechanism.parameter) {
        (Family::RsaAesWrap, Some(Parameter::RsaAesWrap(parameters))) => {
            let rsa = parameters.oaep.as_ref().ok_or_else(|| invalid(row, "the parameters of OAEP are missing"))?;
            Wrapping::RsaAes { aes_bytes: aes_bytes(row, parameters.aes_bits)?, oaep: oaep(row, rsa)? }
        }
        (Family::EcdhAesWrap, Some(Parameter::EcdhAesWrap(parameters))) => Wrapping::EcdhAes {
            aes_bytes: aes_bytes(row, parameters.aes_bits)?,
            kdf: agreement_kdf(row, parameters.kdf)?,
            shared_data: parameters.shared_data.to_vec(),
        },
        (Family::RsaAesWrap | Family::EcdhAesWrap, _) => {
            return Err(invalid(row, "its parameter is missing or another's"));
        }
        _ => match rsa(row, mechanism)? {
            Some(scheme) => Wrapping::Rsa(scheme),
            None => Wrapping::Secret(authenticated(row, cipher(row, mechanism)?, associated_data)?),
        },
    };
    match (&how, associated_data.is_empty()) {
        (Wrapping::Secret(Cipher::AesGcm { .. } | Cipher::AesCcm { .. }), _) | (_, true) => Ok(Method { row, how }),
        (_, false) => Err(invalid(row, "it authenticates nothing beside the key")),
    }
}

/// What is authenticated comes with the mechanism or with the call, not with both.
fn authenticated(row: &Row, cipher: Cipher, data: &[u8]) -> Result<Cipher> {
    let aad = |own: Vec<u8>| match (own.is_empty(), data.is_empty()) {
        (_, true) => Ok(own),
        (true, false) => Ok(data.to_vec()),
        (false, false) if own == data => Ok(own),
        (false, false) => Err(invalid(row, "the mechanism's associated data and the call's differ")),
    };
    Ok(match cipher {
        Cipher::AesGcm { iv, aad: own, tag_bytes } => Cipher::AesGcm { iv, aad: aad(own)?, tag_bytes },
        Cipher::AesCcm { nonce, aad: own, mac_bytes } => Cipher::AesCcm { nonce, aad: aad(own)?, mac_bytes },
        other => other,
    })
}

fn aes_bytes(row: &Row, bits: u32) -> Result<usize> {
    match bits {
        128 => Ok(16),
        192 => Ok(24),
        256 => Ok(32),
        _ => Err(invalid(row, "its AES key has 128, 192 or 256 bits")),
    }
}

/// A mechanism of encapsulation (CKF_ENCAPSULATE) or decapsulation (CKF_DECAPSULATE).
pub fn encapsulate(mechanism: &Mechanism, flag: u64) -> Result<Method<()>> {
    let row = row(mechanism, flag)?;
    match row.family {
        Family::MlKem => no_parameter(row, mechanism).map(|()| Method { row, how: () }),
        _ => Err(Error::new(ErrorCode::UnsupportedAlgorithm, format!("{} encapsulates nothing", row.name))),
    }
}
