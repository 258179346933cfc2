//! Mechanisms of encryption and decryption.

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::EncryptScheme,
    mechanism::{Family, Row},
    pkcs11::v1::{AeadParams, Mechanism, mechanism::Parameter},
};

use super::{invalid, iv, no_parameter, oaep, optional_iv, row, size};
use crate::{
    crypto::cipher::Cipher,
    error::{Error, ErrorCode, Result},
    ops::method::{Decryption, Method},
};

/// How a mechanism encrypts with a secret key. A `partial` call has whole blocks of a longer message: nothing is padded.
pub fn encrypt(mechanism: &Mechanism, partial: bool) -> Result<Method<Cipher>> {
    let row = row(mechanism, ck::CKF_ENCRYPT)?;
    if let Family::RsaPkcs | Family::RsaX509 | Family::RsaOaep = row.family {
        return Err(Error::new(ErrorCode::NotSupported, "public keys encrypt in the module"));
    }
    let how = cipher(row, mechanism)?;
    Ok(Method { row, how: if partial { part(row, how)? } else { how } })
}

/// How a mechanism decrypts.
pub fn decrypt(mechanism: &Mechanism, partial: bool) -> Result<Method<Decryption>> {
    let row = row(mechanism, ck::CKF_DECRYPT)?;
    let how = match rsa(row, mechanism)? {
        Some(_) if partial => return Err(invalid(row, "it does not work on parts")),
        Some(scheme) => Decryption::Private(scheme),
        None if partial => Decryption::Secret(part(row, cipher(row, mechanism)?)?),
        None => Decryption::Secret(cipher(row, mechanism)?),
    };
    Ok(Method { row, how })
}

/// The scheme of an RSA mechanism; `None` for one that needs a secret key.
pub fn rsa(row: &Row, mechanism: &Mechanism) -> Result<Option<EncryptScheme>> {
    Ok(Some(match (row.family, &mechanism.parameter) {
        (Family::RsaOaep, Some(Parameter::RsaOaep(parameters))) => oaep(row, parameters)?,
        (Family::RsaOaep, _) => return Err(invalid(row, "it takes CK_RSA_PKCS_OAEP_PARAMS")),
        (Family::RsaPkcs, _) => {
            no_parameter(row, mechanism)?;
            EncryptScheme::RsaPkcs1
        }
        (Family::RsaX509, _) => {
            no_parameter(row, mechanism)?;
            EncryptScheme::RsaRaw
        }
        _ => return Ok(None),
    }))
}

/// The cipher of a mechanism of a secret key.
pub fn cipher(row: &Row, mechanism: &Mechanism) -> Result<Cipher> {
    Ok(match (row.family, &mechanism.parameter) {
        (Family::AesEcb, _) => {
            no_parameter(row, mechanism)?;
            Cipher::AesEcb
        }
        (Family::AesCbc, _) => Cipher::AesCbc { iv: iv(row, mechanism)? },
        (Family::AesCbcPad, _) => Cipher::AesCbcPad { iv: iv(row, mechanism)? },
        (Family::AesCtr, Some(Parameter::Ctr(ctr))) => {
            let block = ctr.block.as_ref().try_into().map_err(|_| invalid(row, "its counter block has 16 bytes"))?;
            if !(1..=128).contains(&ctr.counter_bits) {
                return Err(invalid(row, "its counter has 1 to 128 bits"));
            }
            Cipher::AesCtr { block, counter_bits: ctr.counter_bits }
        }
        (Family::AesGcm, Some(Parameter::Aead(aead))) => gcm(row, aead)?,
        (Family::AesCcm, Some(Parameter::Aead(aead))) => ccm(row, aead)?,
        (Family::AesKeyWrap, _) => Cipher::AesKw { iv: optional_iv(row, mechanism)? },
        (Family::AesKeyWrapPad, _) => Cipher::AesKwPad { iv: optional_iv(row, mechanism)? },
        (Family::AesKeyWrapKwp, _) => Cipher::AesKwp { iv: optional_iv(row, mechanism)? },
        (Family::ChaCha20, Some(Parameter::Chacha20(chacha))) => {
            if !matches!(chacha.nonce.len(), 8 | 12) {
                return Err(invalid(row, "its nonce has 8 or 12 bytes"));
            }
            Cipher::ChaCha20 { nonce: chacha.nonce.to_vec(), counter: chacha.counter }
        }
        (Family::ChaCha20Poly1305, Some(Parameter::Aead(aead))) => {
            let nonce = aead.nonce.as_ref().try_into().map_err(|_| invalid(row, "its nonce has 12 bytes"))?;
            if !matches!(aead.tag_len_bytes, 0 | 16) {
                return Err(invalid(row, "its tag has 16 bytes"));
            }
            Cipher::ChaCha20Poly1305 { nonce, aad: aead.associated_data.to_vec() }
        }
        (Family::AesCtr | Family::AesGcm | Family::AesCcm | Family::ChaCha20 | Family::ChaCha20Poly1305, _) => {
            return Err(invalid(row, "its parameter is missing or another's"));
        }
        _ => return Err(Error::new(ErrorCode::UnsupportedAlgorithm, format!("{} is no cipher", row.name))),
    })
}

/// The IV's and the tag's lengths are those of SP 800-38D and CK_GCM_PARAMS.
fn gcm(row: &Row, aead: &AeadParams) -> Result<Cipher> {
    let tag_bytes = size(row, aead.tag_len_bytes)?;
    if !(1..=256).contains(&aead.nonce.len()) || !matches!(tag_bytes, 4 | 8 | 12..=16) {
        return Err(invalid(row, "its IV has 1 to 256 bytes, its tag 4, 8 or 12 to 16"));
    }
    Ok(Cipher::AesGcm { iv: aead.nonce.to_vec(), aad: aead.associated_data.to_vec(), tag_bytes })
}

/// SP 800-38C section A.1.
fn ccm(row: &Row, aead: &AeadParams) -> Result<Cipher> {
    let mac_bytes = size(row, aead.tag_len_bytes)?;
    if !(7..=13).contains(&aead.nonce.len()) || !matches!(mac_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(invalid(row, "its nonce has 7 to 13 bytes, its MAC an even number from 4 to 16"));
    }
    Ok(Cipher::AesCcm { nonce: aead.nonce.to_vec(), aad: aead.associated_data.to_vec(), mac_bytes })
}

/// The cipher for some blocks out of a longer message.
fn part(row: &Row, cipher: Cipher) -> Result<Cipher> {
    match cipher {
        Cipher::AesCbcPad { iv } => Ok(Cipher::AesCbc { iv }),
        Cipher::AesEcb | Cipher::AesCbc { .. } | Cipher::AesCtr { .. } | Cipher::ChaCha20 { .. } => Ok(cipher),
        _ => Err(invalid(row, "it does not work on parts")),
    }
}
