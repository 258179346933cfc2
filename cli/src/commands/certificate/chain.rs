//! Certificates in a file: PEM, one or several, or one in DER.

#[cfg(test)]
mod tests;

use pkcs8::der::{Document, pem};
use softkeep_proto::error::ErrorCode;

use crate::error::{Error, Result};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a file's content, in its order, in DER.
pub fn read(flag: &str, content: &[u8]) -> Result<Vec<Vec<u8>>> {
    let invalid = |why: &str| Error::coded(ErrorCode::CertificateInvalid, format!("{flag}: {why}"));
    let text = std::str::from_utf8(content).unwrap_or_default();
    if !text.contains("-----BEGIN ") {
        let der = Document::try_from(content).map_err(|_| invalid("neither PEM nor DER"))?;
        return Ok(vec![der.as_bytes().to_vec()]);
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let block = rest.get(start..).unwrap_or_default();
        let end = block.find(END).ok_or_else(|| invalid("a certificate is cut off"))? + END.len();
        let (block, after) = block.split_at(end);
        let (_, der) = pem::decode_vec(block.as_bytes()).map_err(|_| invalid("a certificate's PEM is damaged"))?;
        found.push(der);
        rest = after;
    }
    if found.is_empty() { Err(invalid("there is no certificate in it")) } else { Ok(found) }
}
