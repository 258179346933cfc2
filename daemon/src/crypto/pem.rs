//! Certificates with their private key in PEM (RFC 7468), the key in any form that OpenSSL writes, encrypted or not.

use der::pem::{LineEnding, PemLabel};
use zeroize::Zeroizing;

use super::{
    ffi::pkcs12::{self, Refusal},
    pfx::{Bundle, c_string, check_iterations, check_size, key_of, refused},
};
use crate::error::{Error, ErrorCode, Result};

const BEGIN: &str = "-----BEGIN ";
const KEY_END: &str = "PRIVATE KEY";

/// Whether a file is PEM and not DER.
pub fn is_pem(file: &[u8]) -> bool {
    file.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// Reads a PEM with exactly one private key, and certificates.
pub fn read(pem: &[u8], password: &str) -> Result<Bundle> {
    check_size(pem)?;
    let password = c_string(password)?;
    let blocks = blocks(pem)?;
    let keys: Vec<_> = blocks.iter().filter(|block| block.label.ends_with(KEY_END)).collect();
    let key = match keys.as_slice() {
        [key] => key,
        [] => return Err(refused("PEM", Refusal::NoKey)),
        _ => return Err(refused("PEM", Refusal::TwoKeys)),
    };
    let encrypted = key.label == "ENCRYPTED PRIVATE KEY" || key.body.contains("ENCRYPTED");
    if encrypted && password.is_empty() {
        return Err(Error::new(ErrorCode::PasswordIncorrect, "the key in the PEM is encrypted and needs its password"));
    }
    if key.label == "ENCRYPTED PRIVATE KEY" {
        check_iterations("PEM", &key.content("the private key")?)?;
    }
    // That block alone: aws-lc may see where one begins in what is none to us, and would read what was not looked at.
    let text = Zeroizing::new(format!("{BEGIN}{0}-----{1}-----END {0}-----\n", key.label, key.body));
    let pkey = pkcs12::read_pem_key(text.as_bytes(), &password).map_err(|refusal| match refusal {
        // A wrong password can leave something behind that only looks decrypted.
        Refusal::Damaged | Refusal::KeyType if encrypted => refused("PEM", Refusal::Password),
        other => refused("PEM", other),
    })?;
    Ok(Bundle { key: key_of(&pkey)?, certificates: certificates_of(&blocks)? })
}

/// Reads the certificates of a PEM, in its order.
pub fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>> {
    check_size(pem)?;
    certificates_of(&blocks(pem)?)
}

fn certificates_of(blocks: &[Block<'_>]) -> Result<Vec<Vec<u8>>> {
    let labels = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    blocks.iter().filter(|block| labels.contains(&block.label)).map(|block| block.content("a certificate")).collect()
}

/// Base64 with padding, by the reader that PEM has.
fn base64(content: &str) -> Option<Vec<u8>> {
    const LINE: usize = 64;
    if !content.is_ascii() || content.is_empty() {
        return None;
    }
    let lines: Vec<_> =
        content.as_bytes().chunks(LINE).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    der::pem::decode_vec(text.as_bytes()).ok().map(|(_, content)| content)
}

fn damaged(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::CertificateInvalid, why)
}

struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    fn content(&self, what: &str) -> Result<Vec<u8>> {
        let content: String = self.body.split_ascii_whitespace().collect();
        base64(&content).ok_or_else(|| damaged(format!("{what} in the PEM is no base64")))
    }
}

fn blocks(pem: &[u8]) -> Result<Vec<Block<'_>>> {
    let text = std::str::from_utf8(pem).map_err(|_| damaged("the PEM is no text"))?;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once("-----").ok_or_else(|| damaged("the PEM is cut off"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or_else(|| damaged(format!("the PEM lacks '{end}'")))?;
        found.push(Block { label, body });
        rest = after;
    }
    Ok(found)
}

/// Writes a PEM: the key (PKCS#8, not encrypted), the certificate, its issuers.
pub fn write(key_pkcs8: Option<&[u8]>, certificates: &[Vec<u8>]) -> Result<Zeroizing<Vec<u8>>> {
    let block = |label: &str, der: &[u8]| {
        der::pem::encode_string(label, LineEnding::LF, der).map(Zeroizing::new).map_err(Error::internal)
    };
    let key = key_pkcs8.map(|key| block("PRIVATE KEY", key));
    let issued = certificates.iter().map(|der| block(x509_cert::Certificate::PEM_LABEL, der));
    let blocks = key.into_iter().chain(issued).collect::<Result<Vec<_>>>()?;
    // At its full length from the start: what outgrows its place leaves its bytes there.
    let mut text = Zeroizing::new(Vec::with_capacity(blocks.iter().map(|block| block.len()).sum()));
    blocks.iter().for_each(|block| text.extend_from_slice(block.as_bytes()));
    Ok(text)
}

#[cfg(test)]
mod tests;
