//! Base64 in both alphabets, hex, and the two forms of an ECDSA signature. Bytes in, bytes out.

#[cfg(test)]
mod tests;

use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding};
use pkcs8::der::{Decode, Encode, asn1::UintRef};
use softkeep_proto::algorithm::{Curve, jose_signature};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Standard base64 with padding, as `az` prints it.
pub fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// base64url without padding, as JWK has it (RFC 7515 section 2).
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in hex.
pub fn from_hex(flag: &str, text: &str) -> Result<Vec<u8>> {
    let wrong = || Error::usage(format!("{flag} is not hex")).fix("two digits a byte; od -An -tx1 prints them");
    let digits = text.chars().map(|letter| letter.to_digit(16).ok_or_else(wrong)).collect::<Result<Vec<u32>>>()?;
    if digits.len() % 2 != 0 {
        return Err(wrong());
    }
    // Two digits make at most 255.
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect())
}

/// Base64 or base64url, with or without padding.
pub fn from_base64(flag: &str, text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let standard: Zeroizing<String> = Zeroizing::new(
        text.trim_end_matches('=')
            .chars()
            .map(|letter| match letter {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect(),
    );
    Base64Unpadded::decode_vec(&standard).map(Zeroizing::new).map_err(|_| {
        Error::usage(format!("{flag} is neither base64 nor base64url")).fix("openssl base64 -A -in FILE makes it")
    })
}

/// The curve of an `ES…` algorithm; DER signatures exist for no other.
pub fn curve(algorithm: &str) -> Result<Curve> {
    jose_signature(algorithm)
        .and_then(|row| row.curve)
        .ok_or_else(|| Error::usage(format!("--signature-format der is for ES256, ES384 and ES512, not {algorithm}")))
}

/// r‖s (RFC 7518 section 3.4) as ECDSA-Sig-Value (RFC 3279 section 2.2.3).
pub fn signature_to_der(algorithm: &str, raw: &[u8]) -> Result<Vec<u8>> {
    let width = curve(algorithm)?.width_bytes();
    if raw.len() != 2 * width {
        return Err(Error::local(format!("the signature has {} bytes, not {}", raw.len(), 2 * width)));
    }
    let broken = |_| Error::local("the signature cannot be written as DER");
    let (r, s) = raw.split_at(width);
    // SEQUENCE OF INTEGER and SEQUENCE { INTEGER, INTEGER } are the same bytes.
    [UintRef::new(r).map_err(broken)?, UintRef::new(s).map_err(broken)?].to_der().map_err(broken)
}

/// ECDSA-Sig-Value as r‖s.
pub fn signature_from_der(algorithm: &str, der: &[u8]) -> Result<Vec<u8>> {
    let width = curve(algorithm)?.width_bytes();
    let broken = || Error::usage("--signature is not a DER signature").fix("leave --signature-format out for r‖s");
    let numbers = Vec::<UintRef<'_>>::from_der(der).map_err(|_| broken())?;
    let [r, s] = numbers.as_slice() else {
        return Err(broken());
    };
    let mut raw = vec![0; 2 * width];
    for (half, number) in [r, s].into_iter().enumerate() {
        let bytes = number.as_bytes();
        let end = (half + 1) * width;
        let start = end.checked_sub(bytes.len()).filter(|start| *start >= half * width).ok_or_else(broken)?;
        raw.get_mut(start..end).ok_or_else(broken)?.copy_from_slice(bytes);
    }
    Ok(raw)
}
