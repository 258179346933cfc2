//! Key Vault's transfer file, `.byok`: JSON around the wrapped key, which names the key that unwraps it. Ours is the same with
//! SHA-256.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Deserialize;
use softkeep_proto::algorithm::Hash;

use super::{Dialect, Envelope, Layout, dialect::unknown};
use crate::error::{Error, ErrorCode, Result};

/// What the file says of its own form.
const SCHEMA_VERSION: &str = "1.0.0";

/// The file. Members that nobody needs here may be there.
#[derive(Deserialize)]
struct TransferFile {
    schema_version: String,
    header: Header,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Header {
    kid: String,
    alg: String,
    enc: String,
}

/// The key that unwraps, as a file names it: `https://VAULT.suffix/keys/NAME/VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekIdentifier {
    /// The host's first label, unless the host is this machine's or an address: then it names no vault.
    pub vault: Option<String>,
    /// The key.
    pub name: String,
    /// 32 hex digits in lower case; without it the current version.
    pub version: Option<String>,
}

/// Reads a file. `told` is the dialect that the caller named.
pub(super) fn parse(blob: &[u8], told: Option<Dialect>, algorithm: &str) -> Result<Envelope> {
    let file: TransferFile = serde_json::from_slice(blob).map_err(|cause| {
        // Its own words are about JSON and the place in it; nothing in the file is secret.
        let refusal = format!("the transfer file is cut off or is none: {cause}");
        Error::new(ErrorCode::TransferBlobInvalid, refusal)
    })?;
    if file.schema_version != SCHEMA_VERSION {
        let refusal = format!("the transfer file has schema_version '{}', not {SCHEMA_VERSION}", file.schema_version);
        return Err(Error::new(ErrorCode::TransferBlobInvalid, refusal));
    }
    let Header { kid, alg, enc } = file.header;
    let hash = match enc.as_str() {
        "CKM_RSA_AES_KEY_WRAP" => Hash::Sha1,
        "RSA_AES_KEY_WRAP_256" => Hash::Sha256,
        "RSA_AES_KEY_WRAP_384" => Hash::Sha384,
        _ => return Err(unknown(told.unwrap_or(Dialect::Azure), &enc)),
    };
    if alg != "dir" {
        let refusal = format!("the transfer file has alg '{alg}', not dir");
        return Err(Error::new(ErrorCode::UnsupportedAlgorithm, refusal));
    }
    if !algorithm.is_empty() && algorithm != enc {
        let refusal = format!("the transfer file is made by {enc}, not by {algorithm}");
        return Err(Error::new(ErrorCode::InvalidArgument, refusal));
    }
    let found = if hash == Hash::Sha1 { Dialect::Azure } else { Dialect::Softkeep };
    // Some writers pad.
    let ciphertext = Base64UrlUnpadded::decode_vec(file.ciphertext.trim_end_matches('=')).map_err(|_| {
        Error::new(ErrorCode::TransferBlobInvalid, "the transfer file's ciphertext is cut off or no base64url")
    })?;
    Ok(Envelope {
        dialect: told.unwrap_or(found),
        kek: Some(KekIdentifier::parse(&kid)?),
        hashes: vec![hash],
        layout: Some(Layout::Aes),
        kek_bits: None,
        ciphertext,
    })
}

impl KekIdentifier {
    fn parse(kid: &str) -> Result<Self> {
        let wrong = || {
            let refusal = format!("the transfer file's kid '{kid}' is none: https://VAULT.suffix/keys/NAME/VERSION");
            Error::new(ErrorCode::TransferBlobInvalid, refusal)
        };
        let rest = kid.split_once("://").map(|(_, rest)| rest).ok_or_else(wrong)?;
        let mut parts = rest.trim_end_matches('/').split('/');
        let host = parts.next().unwrap_or_default().split(':').next().unwrap_or_default();
        let (Some("keys"), Some(name)) = (parts.next(), parts.next()) else { return Err(wrong()) };
        let version = parts.next().map(str::to_ascii_lowercase);
        let is_version = |text: &String| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if parts.next().is_some() || name.is_empty() || !version.as_ref().is_none_or(is_version) {
            return Err(wrong());
        }
        // Where vaults have no host of their own, the host says nothing of the vault.
        let label = host.split_once('.').map(|(label, _)| label);
        let vault = label.filter(|label| label.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()));
        Ok(Self { vault: vault.map(str::to_owned), name: name.to_owned(), version })
    }
}
