//! CK_MECHANISM as it comes over the wire → what it asks for. The table of mechanisms is `proto/src/mechanism.rs`; here every parameter is
//! read and checked as far as that goes without a key. What is not in the table, or not for this use, is refused.

use softkeep_proto::{
    algorithm::Hash,
    mechanism::{self, Row},
    pkcs11::v1::{Mechanism, RsaOaepParams, mechanism::Parameter},
};

use crate::error::{Error, ErrorCode, Result};

mod cipher;
mod derive;
mod sign;
mod wrap;

pub use cipher::{decrypt, encrypt};
pub use derive::{derive, pbkdf2};
pub use sign::sign;
pub use wrap::{encapsulate, wrap};

/// The mechanism's row, if it is for this use (CKF_*).
fn row(mechanism: &Mechanism, flag: u64) -> Result<&'static Row> {
    let number = mechanism.r#type;
    mechanism::find(number).filter(|row| row.flags & flag != 0).ok_or_else(|| {
        let known =
            mechanism::find(number).map_or_else(|| format!("mechanism 0x{number:x}"), |row| row.name.to_owned());
        Error::new(ErrorCode::UnsupportedAlgorithm, format!("{known} is not for this here"))
    })
}

fn invalid(row: &Row, what: &str) -> Error {
    Error::new(ErrorCode::InvalidParameters, format!("{}: {what}", row.name))
}

/// A mechanism that takes no parameter was given none.
fn no_parameter(row: &Row, mechanism: &Mechanism) -> Result<()> {
    match &mechanism.parameter {
        None => Ok(()),
        Some(_) => Err(invalid(row, "it takes no parameter")),
    }
}

/// An initialisation vector of so many bytes.
fn iv<const N: usize>(row: &Row, mechanism: &Mechanism) -> Result<[u8; N]> {
    optional_iv(row, mechanism)?.ok_or_else(|| invalid(row, &format!("it takes an initialisation vector of {N} bytes")))
}

/// The same, which may be missing.
fn optional_iv<const N: usize>(row: &Row, mechanism: &Mechanism) -> Result<Option<[u8; N]>> {
    let wrong = || invalid(row, &format!("its initialisation vector has {N} bytes"));
    match &mechanism.parameter {
        None => Ok(None),
        Some(Parameter::Iv(iv)) => iv.as_ref().try_into().map(Some).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

fn hash(row: &Row, number: u64) -> Result<Hash> {
    mechanism::hash_of(number).ok_or_else(|| invalid(row, "the hash is not known here"))
}

fn mgf(row: &Row, number: u64) -> Result<Hash> {
    mechanism::mgf_of(number).ok_or_else(|| invalid(row, "the mask generation function is not known here"))
}

fn oaep(row: &Row, parameters: &RsaOaepParams) -> Result<softkeep_proto::algorithm::EncryptScheme> {
    Ok(softkeep_proto::algorithm::EncryptScheme::RsaOaep {
        hash: hash(row, parameters.hash)?,
        mgf: mgf(row, parameters.mgf)?,
        label: parameters.label.to_vec(),
    })
}

fn size(row: &Row, number: u64) -> Result<usize> {
    usize::try_from(number).map_err(|_| invalid(row, "a length is too large"))
}

#[cfg(test)]
mod tests;
