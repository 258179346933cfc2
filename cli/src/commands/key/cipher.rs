//! What encrypt, decrypt, wrap and unwrap share: the algorithms, and how their values are written.

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::{
    encoding,
    error::{Error, Result},
    secret,
};

/// Key Vault's algorithms.
pub const ALGORITHMS: [&str; 17] = [
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "A128GCM",
    "A192GCM",
    "A256GCM",
    "A128CBC",
    "A192CBC",
    "A256CBC",
    "A128CBCPAD",
    "A192CBCPAD",
    "A256CBCPAD",
    "A128KW",
    "A192KW",
    "A256KW",
    "CKM_AES_KEY_WRAP",
    "CKM_AES_KEY_WRAP_PAD",
];

/// What `--value` of encrypt is, and what decrypt prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DataType {
    /// Bytes.
    #[default]
    Base64,
    /// A text.
    Plaintext,
}

impl DataType {
    /// The bytes that a flag's value means.
    pub fn bytes(self, flag: &str, given: &str) -> Result<Zeroizing<Vec<u8>>> {
        let value = secret::from_flag(flag, given)?;
        match self {
            DataType::Plaintext => Ok(Zeroizing::new(value.as_bytes().to_vec())),
            DataType::Base64 => encoding::from_base64(flag, &value)
                .map_err(|_| Error::usage(format!("{flag} is not base64")).fix("--data-type plaintext for a text")),
        }
    }

    /// The bytes as they are printed.
    pub fn print(self, bytes: &[u8]) -> Result<String> {
        match self {
            DataType::Base64 => Ok(encoding::base64(bytes)),
            DataType::Plaintext => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| Error::local("the plaintext is not UTF-8").fix("leave --data-type out for base64")),
        }
    }
}

/// A ciphertext: never a secret, so that nobody is warned about it.
pub fn ciphertext(flag: &str, given: &str) -> Result<Vec<u8>> {
    let text = if given == "-" || given.starts_with('@') {
        secret::from_flag(flag, given)?
    } else {
        Zeroizing::new(given.to_owned())
    };
    Ok(encoding::from_base64(flag, &text)?.to_vec())
}

/// `--iv`, `--tag` and `--aad`, which az writes in hex.
pub fn parameter(flag: &str, given: Option<&str>) -> Result<Vec<u8>> {
    given.map_or(Ok(Vec::new()), |text| encoding::from_hex(flag, text))
}
