//! PFX files (PKCS#12, RFC 7292): a private key with its certificate and that one's issuers. Read in every form that programs have
//! written for decades; written without a password, as Key Vault keeps them.

use std::ffi::CString;

use softkeep_proto::algorithm::KeyType;
use zeroize::Zeroizing;

use super::{
    ffi::pkcs12::{self, Refusal},
    ffi::pkey::Pkey,
    key_info::{self, KEY_VAULT_RSA_BITS},
};
use crate::error::{Error, ErrorCode, Result};

mod iterations;

/// What was in a file: the key as PKCS#8, certificates in DER and in the order of the file. It has no `Debug`.
pub struct Bundle {
    /// The private key.
    pub key: Zeroizing<Vec<u8>>,
    /// The certificates.
    pub certificates: Vec<Vec<u8>>,
}

/// Larger files hold more than a chain.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// What deriving keys from a password may cost in one file: several times what is recommended today, some seconds at most.
const MAX_ITERATIONS: u64 = 5_000_000;

/// What a certificate's key can be.
const SUPPORTED: &str = "a certificate's key is RSA of 2048, 3072 or 4096 bits, or EC on P-256, P-384, P-521 or P-256K";

/// Reads a PFX with exactly one private key and at least one certificate.
pub fn read(pfx: &[u8], password: &str) -> Result<Bundle> {
    check_size(pfx)?;
    let password = c_string(password)?;
    check_iterations("PFX", pfx)?;
    let contents = pkcs12::read(pfx, &password).map_err(|refusal| refused("PFX", refusal))?;
    let key = contents.key.ok_or_else(|| refused("PFX", Refusal::NoKey))?;
    Ok(Bundle { key: key_of(&key)?, certificates: contents.certificates })
}

/// Writes a PFX with the empty password: the certificate first, then its issuers. Without a key it holds the certificates alone.
pub fn write(key_pkcs8: Option<&[u8]>, certificates: &[Vec<u8>]) -> Result<Zeroizing<Vec<u8>>> {
    let key = key_pkcs8.map(Pkey::parse_private).transpose().map_err(Error::internal)?;
    pkcs12::write(key.as_ref(), certificates).map_err(Error::internal)
}

pub(super) fn check_size(file: &[u8]) -> Result<()> {
    if file.len() <= MAX_FILE_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorCode::MessageTooLarge, format!("a certificate file has at most {MAX_FILE_BYTES} bytes")))
}

/// Refuses what would take hours to open.
pub(super) fn check_iterations(form: &str, der: &[u8]) -> Result<()> {
    if iterations::asked_for(der) <= MAX_ITERATIONS {
        return Ok(());
    }
    let detail = format!("the {form} asks for more than {MAX_ITERATIONS} iterations in all");
    Err(Error::new(ErrorCode::CertificateInvalid, detail))
}

pub(super) fn c_string(password: &str) -> Result<CString> {
    CString::new(password).map_err(|_| Error::new(ErrorCode::InvalidArgument, "a password has no zero byte"))
}

/// The key in the form that the vault keeps, if it is one that certificates have here.
pub(super) fn key_of(key: &Pkey) -> Result<Zeroizing<Vec<u8>>> {
    if let Some(name) = key.type_name() {
        return Err(unsupported(&format!("the key is a {name} key")));
    }
    let pkcs8 = key.to_pkcs8().map_err(|cause| unsupported("the key is of another type").because(cause))?;
    let public = key_info::check_import(&pkcs8).map_err(|refusal| match refusal.code {
        ErrorCode::UnsupportedAlgorithm => unsupported(&refusal.detail),
        _ => refusal,
    })?;
    match public.key_type {
        KeyType::Rsa(bits) if KEY_VAULT_RSA_BITS.contains(&bits) => Ok(pkcs8),
        KeyType::Rsa(bits) => Err(unsupported(&format!("the RSA key has {bits} bits"))),
        KeyType::Ec(_) => Ok(pkcs8),
        other => Err(unsupported(&format!("the key is a {} key", other.kind()))),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorCode::UnsupportedAlgorithm, format!("{what}; {SUPPORTED}"))
}

pub(super) fn refused(form: &str, refusal: Refusal) -> Error {
    let invalid = |why: String| Error::new(ErrorCode::CertificateInvalid, why);
    match refusal {
        Refusal::Password => {
            let detail = format!("the password of the {form} is wrong, or the file is damaged");
            Error::new(ErrorCode::PasswordIncorrect, detail)
        }
        Refusal::KeyType => unsupported("the key is of a type that is not supported"),
        Refusal::Protection => {
            let detail =
                format!("the {form} is encrypted or authenticated in a way that is not supported; {PROTECTIONS}");
            Error::new(ErrorCode::UnsupportedAlgorithm, detail)
        }
        Refusal::TwoKeys => invalid(format!("the {form} has more than one private key")),
        Refusal::NoKey => invalid(format!("the {form} has no private key")),
        Refusal::Damaged => invalid(format!("the {form} is damaged, cut off, or of another format")),
    }
}

const PROTECTIONS: &str = "supported are PBES2 with AES or 3DES, and the older pbeWithSHA1And3-KeyTripleDES-CBC, 40BitRC2-CBC and 128BitRC4, with an HMAC";

#[cfg(test)]
pub(crate) mod tests;
