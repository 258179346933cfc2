//! The receipt of an import of a wrapped key: a JWS (RFC 7515) by the key that signs the log's checkpoints. It goes to the caller
//! and into the import's record, and stands for itself: who has the log's public key needs neither to check it.
//!
//! What is signed begins with "eyJ"; a checkpoint's message begins otherwise, so neither passes for the other.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};

use super::record::chain::{CheckpointSigner, is_signed};

/// The JWS header's `typ`.
const TYPE: &str = "softkeep-import-receipt+jws";

/// The longest receipt that a record holds. Names have bounds that keep it below a third of this.
pub const MAX_RECEIPT_BYTES: usize = 8 * 1024;

/// What is vouched for. Of a secret key there is nothing that tells about its bytes, not even a check value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// 32 random hex digits: this receipt.
    pub jti: String,
    /// When, in Unix seconds.
    pub iat: i64,
    /// Who, as in the log.
    pub caller: String,
    /// Their object id; empty where they have none.
    pub oid: String,
    /// The vault.
    pub vault: String,
    /// The key that came in.
    pub key: String,
    /// And its version.
    pub version: String,
    /// What it is: "RSA-3072", "P-256", "AES-256".
    pub kind: String,
    /// SHA-256 of the SubjectPublicKeyInfo, hex; absent of a secret key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spki_sha256: Option<String>,
    /// The key that unwrapped it: name/version.
    pub kek: String,
    /// In whose words it came.
    pub dialect: String,
    /// How it was wrapped.
    pub algorithm: String,
}

impl Receipt {
    /// The JWS.
    pub fn sign(&self, signer: &CheckpointSigner) -> String {
        let header = header(&signer.public_key());
        // A struct of texts and a number always has a JSON form.
        let payload = serde_json::to_vec(self).unwrap_or_default();
        let message = format!("{}.{}", encode(header.as_bytes()), encode(&payload));
        let signature = encode(&signer.sign_receipt(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Reads a JWS; `None` unless the holder of the key signed it.
    pub fn verify(jws: &str, public_key: &[u8]) -> Option<Self> {
        let (message, signature) = jws.rsplit_once('.')?;
        let (header_part, payload) = message.split_once('.')?;
        // The header is ours to the byte, so nothing in it, its algorithm least of all, is the sender's choice.
        if header_part != encode(header(public_key).as_bytes()) {
            return None;
        }
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        if !is_signed(public_key, message.as_bytes(), &signature) {
            return None;
        }
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).ok()?).ok()
    }
}

/// With the public key (RFC 8037), so that any JWS library can check it once the key is trusted.
fn header(public_key: &[u8]) -> String {
    format!(
        "{{\"alg\":\"EdDSA\",\"typ\":\"{TYPE}\",\"jwk\":{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{}\"}}}}",
        encode(public_key)
    )
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            jti: "00".repeat(16),
            iat: 1_800_000_000,
            caller: "uid:0 pid:7".into(),
            oid: String::new(),
            vault: "dev".into(),
            key: "k".into(),
            version: "11".repeat(16),
            kind: "P-256".into(),
            spki_sha256: None,
            kek: "kek/1".into(),
            dialect: "azure".into(),
            algorithm: "RSA-OAEP with SHA-1 and AES-KWP".into(),
        }
    }

    #[test]
    fn what_was_signed_is_read_again_and_nothing_else() {
        let signer = CheckpointSigner::from_seed(&[7; 32]).unwrap();
        let (jws, public_key) = (receipt().sign(&signer), signer.public_key());
        assert_eq!(Receipt::verify(&jws, &public_key), Some(receipt()));
        let other = CheckpointSigner::from_seed(&[8; 32]).unwrap();
        assert_eq!(Receipt::verify(&jws, &other.public_key()), None);
        assert_eq!(Receipt::verify(&receipt().sign(&other), &public_key), None);
        for at in 0..jws.len() {
            let mut bytes = jws.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(Receipt::verify(&String::from_utf8(bytes).unwrap(), &public_key), None, "byte {at}");
        }
    }
}
