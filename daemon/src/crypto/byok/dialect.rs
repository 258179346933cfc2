//! The five dialects, and finding out which one it is.

use base64ct::{Base64, Encoding as _};
use softkeep_proto::algorithm::Hash;

use super::{Envelope, Layout, MAX_BLOB_BYTES, transfer_file};
use crate::error::{Error, ErrorCode, Result};

/// In whose words a wrapped key comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Key Vault's `.byok` file.
    Azure,
    /// AWS KMS: bytes, the algorithm told beside them.
    Aws,
    /// Google Cloud KMS import jobs: bytes, the algorithm told beside them.
    Gcp,
    /// OpenBao's transit engine: base64, the hash told beside it.
    OpenBao,
    /// Our own: Key Vault's file with SHA-256.
    Softkeep,
    /// Bytes that nobody named: AWS's and Google's look the same.
    Raw,
}

impl Dialect {
    /// Its name in requests and receipts.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Azure => "azure",
            Dialect::Aws => "aws",
            Dialect::Gcp => "gcp",
            Dialect::OpenBao => "openbao",
            Dialect::Softkeep => "softkeep",
            Dialect::Raw => "raw",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        [Dialect::Azure, Dialect::Aws, Dialect::Gcp, Dialect::OpenBao, Dialect::Softkeep]
            .into_iter()
            .find(|dialect| dialect.name().eq_ignore_ascii_case(name))
    }
}

/// Without a name each of these is tried, the likelier ones first.
const HASHES: [Hash; 4] = [Hash::Sha256, Hash::Sha1, Hash::Sha384, Hash::Sha512];

/// What an algorithm's name says.
struct Algorithm {
    hash: Hash,
    layout: Layout,
    kek_bits: Option<u32>,
}

/// Reads a wrapped key. An empty format means to find out, an empty algorithm that of the dialect.
pub fn parse(blob: &[u8], format: &str, algorithm: &str) -> Result<Envelope> {
    if blob.is_empty() {
        return Err(Error::new(ErrorCode::TransferBlobInvalid, "the wrapped key is empty"));
    }
    if blob.len() > MAX_BLOB_BYTES {
        let refusal = format!("the wrapped key has {} bytes, at most {MAX_BLOB_BYTES} are read", blob.len());
        return Err(Error::new(ErrorCode::TransferBlobInvalid, refusal));
    }
    let dialect = match format {
        "" => detect(blob, algorithm),
        name => Dialect::by_name(name).ok_or_else(|| {
            let refusal = format!("unknown dialect '{name}': azure, aws, gcp, openbao or softkeep");
            Error::new(ErrorCode::InvalidArgument, refusal)
        })?,
    };
    match dialect {
        Dialect::Azure | Dialect::Softkeep => {
            transfer_file::parse(blob, (!format.is_empty()).then_some(dialect), algorithm)
        }
        Dialect::Aws => bytes(dialect, blob.to_vec(), algorithm, aws),
        Dialect::Gcp => bytes(dialect, blob.to_vec(), algorithm, gcp),
        Dialect::OpenBao => {
            let ciphertext = base64(blob).ok_or_else(|| {
                Error::new(ErrorCode::TransferBlobInvalid, "OpenBao's ciphertext is base64, and this is not")
            })?;
            bytes(dialect, ciphertext, algorithm, openbao)
        }
        Dialect::Raw => bytes(dialect, blob.to_vec(), "", aws),
    }
}

/// JSON is a transfer file, base64 is OpenBao's, and of bytes the algorithm's name tells.
fn detect(blob: &[u8], algorithm: &str) -> Dialect {
    // One blob in 256 begins with this byte; none of them is text.
    if std::str::from_utf8(blob).is_ok_and(|text| text.trim_start().starts_with('{')) {
        return Dialect::Azure;
    }
    if aws(algorithm).is_some() {
        return Dialect::Aws;
    }
    if gcp(algorithm).is_some() {
        return Dialect::Gcp;
    }
    // Random bytes of this length are not all letters and digits.
    if base64(blob).is_some() || !algorithm.is_empty() { Dialect::OpenBao } else { Dialect::Raw }
}

fn base64(blob: &[u8]) -> Option<Vec<u8>> {
    let text: String = std::str::from_utf8(blob).ok()?.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    Base64::decode_vec(&text).ok().filter(|bytes| !bytes.is_empty())
}

fn bytes(
    dialect: Dialect,
    ciphertext: Vec<u8>,
    algorithm: &str,
    read: impl Fn(&str) -> Option<Algorithm>,
) -> Result<Envelope> {
    if algorithm.is_empty() {
        return Ok(Envelope { dialect, kek: None, hashes: HASHES.to_vec(), layout: None, kek_bits: None, ciphertext });
    }
    let Algorithm { hash, layout, kek_bits } = read(algorithm).ok_or_else(|| unknown(dialect, algorithm))?;
    Ok(Envelope { dialect, kek: None, hashes: vec![hash], layout: Some(layout), kek_bits, ciphertext })
}

/// The refusal of an algorithm that the dialect does not have.
pub(super) fn unknown(dialect: Dialect, algorithm: &str) -> Error {
    let known = match dialect {
        Dialect::Azure | Dialect::Softkeep => "CKM_RSA_AES_KEY_WRAP, RSA_AES_KEY_WRAP_256, RSA_AES_KEY_WRAP_384",
        Dialect::Aws | Dialect::Raw => {
            "RSA_AES_KEY_WRAP_SHA_1, RSA_AES_KEY_WRAP_SHA_256, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256"
        }
        Dialect::Gcp => "rsa-oaep-{3072,4096}-{sha1,sha256}-aes-256, rsa-oaep-{3072,4096}-sha256",
        Dialect::OpenBao => "SHA1, SHA256, SHA384, SHA512",
    };
    let refusal = format!("{} has no algorithm '{algorithm}'; it has {known}", dialect.name());
    Error::new(ErrorCode::UnsupportedAlgorithm, refusal)
}

/// `WrappingAlgorithm` of AWS's GetParametersForImport; SHA-384 is ours.
fn aws(name: &str) -> Option<Algorithm> {
    let (layout, hash) = match name.split_once("_SHA_")? {
        ("RSA_AES_KEY_WRAP", hash) => (Layout::Aes, hash),
        ("RSAES_OAEP", hash) => (Layout::Direct, hash),
        _ => return None,
    };
    let hash = match hash {
        "1" => Hash::Sha1,
        "256" => Hash::Sha256,
        "384" => Hash::Sha384,
        _ => return None,
    };
    Some(Algorithm { hash, layout, kek_bits: None })
}

/// Google's import methods, as its command line and as its API writes them.
fn gcp(name: &str) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let (bits, rest) = name.strip_prefix("rsa-oaep-")?.split_once('-')?;
    let kek_bits = Some(bits.parse().ok().filter(|bits| matches!(bits, 3072 | 4096))?);
    let (hash, layout) = match rest {
        "sha1-aes-256" => (Hash::Sha1, Layout::Aes),
        "sha256-aes-256" => (Hash::Sha256, Layout::Aes),
        "sha256" => (Hash::Sha256, Layout::Direct),
        _ => return None,
    };
    Some(Algorithm { hash, layout, kek_bits })
}

/// OpenBao's `hash_function`.
fn openbao(name: &str) -> Option<Algorithm> {
    let hash = match name.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA1" => Hash::Sha1,
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        _ => return None,
    };
    Some(Algorithm { hash, layout: Layout::Aes, kek_bits: None })
}
