//! The compact form of a JWT (RFC 7515 section 3.1): three base64url parts. Says nothing about what is in them.

use base64ct::{Base64UrlUnpadded, Encoding};

/// A longer one is refused unread.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token taken apart.
pub struct Parts<'a> {
    /// What the signature is over.
    pub signed: &'a str,
    /// The header, JSON.
    pub header: Vec<u8>,
    /// The claims, JSON.
    pub claims: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Takes a token apart; `None` if it is none.
pub fn split(token: &str) -> Option<Parts<'_>> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).ok();
    Some(Parts { signed, header: decode(header)?, claims: decode(claims)?, signature: decode(signature)? })
}

/// What the signature will be over.
pub fn signing_input(header: &str, claims: &[u8]) -> String {
    format!("{}.{}", encode(header.as_bytes()), encode(claims))
}

/// The whole token.
pub fn join(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", encode(signature))
}

/// Base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
