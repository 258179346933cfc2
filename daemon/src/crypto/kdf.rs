//! Key derivation: HKDF, the derivations that follow a key agreement, PBKDF2, and PKCS#11's simple ones. SP 800-108 is
//! in `kdf/sp800_108.rs`. What comes out is key material; the caller makes a key of it.

use softkeep_proto::algorithm::Hash;
use zeroize::Zeroizing;

use super::ffi::kdf as lc;
use super::hashes;
use crate::error::{Error, ErrorCode, Result};

pub mod sp800_108;

/// Most bytes of one derivation: more than any key here has, and little enough to make at once.
pub const MAX_DERIVED_BYTES: usize = 1 << 16;

/// HKDF (RFC 5869; CKM_HKDF_DERIVE, CKM_HKDF_DATA). With a salt it extracts, and an empty salt is none (zeroes); with
/// `expand` it expands to `len` bytes. Extraction alone gives the front of the pseudorandom key.
pub fn hkdf(
    hash: Hash,
    extract: Option<&[u8]>,
    expand: bool,
    key: &[u8],
    info: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    if extract.is_none() && !expand {
        return Err(Error::new(ErrorCode::InvalidParameters, "HKDF extracts, expands or does both"));
    }
    let longest = if expand { 255 * hash.len() } else { hash.len() };
    check_len(len, longest)?;
    if extract.is_none() && key.len() < hash.len() {
        let needed = hash.len();
        return Err(Error::new(ErrorCode::KeyTooWeak, format!("HKDF expands a key of {needed} bytes and more")));
    }
    let extracted = extract.map(|salt| lc::hkdf_extract(hash, salt, key)).transpose().map_err(Error::internal)?;
    match (expand, extracted) {
        (true, Some(prk)) => lc::hkdf_expand(hash, &prk, info, len).map_err(Error::internal),
        (true, None) => lc::hkdf_expand(hash, key, info, len).map_err(Error::internal),
        (false, prk) => prk.map(|prk| front(prk, len)).ok_or_else(|| Error::internal("neither step of HKDF")),
    }
}

/// The derivation of ANSI X9.63 (SEC 1 section 3.6.1; CKD_SHA256_KDF and its siblings): the hash of the secret, a
/// counter and what both sides know.
pub fn x963(hash: Hash, shared_secret: &[u8], shared_info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    check_len(len, MAX_DERIVED_BYTES)?;
    // Room for the last digest's end as well, so that it never grows and leaves no copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(len.next_multiple_of(hash.len())));
    for counter in 1u32.. {
        out.extend_from_slice(&hashes::secret_digest(hash, &[shared_secret, &counter.to_be_bytes(), shared_info]));
        if out.len() >= len {
            break;
        }
    }
    Ok(front(out, len))
}

/// The one-step derivation of SP 800-56C section 4.1 (CKD_SHA256_KDF_SP800 and its siblings): as [`x963`], but with the
/// counter first.
pub fn one_step(hash: Hash, shared_secret: &[u8], fixed_info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    check_len(len, MAX_DERIVED_BYTES)?;
    lc::one_step(hash, shared_secret, fixed_info, len).map_err(Error::internal)
}

/// What makes a key of a secret that two sides have agreed on (CK_EC_KDF_TYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementKdf {
    /// The secret itself (CKD_NULL).
    Null,
    /// [`x963`] (CKD_SHA256_KDF and its siblings).
    X963(Hash),
    /// [`one_step`] (CKD_SHA256_KDF_SP800 and its siblings).
    OneStep(Hash),
}

/// Derives a key of this length from what was agreed on. The secret itself loses bytes at its front if it is too long
/// (PKCS#11 3.2 section 6.3, CKM_ECDH1_DERIVE), and takes nothing besides.
pub fn agreement(
    kdf: AgreementKdf,
    shared_secret: &[u8],
    shared_info: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    match kdf {
        AgreementKdf::X963(hash) => x963(hash, shared_secret, shared_info, len),
        AgreementKdf::OneStep(hash) => one_step(hash, shared_secret, shared_info, len),
        AgreementKdf::Null if !shared_info.is_empty() => {
            Err(Error::new(ErrorCode::InvalidParameters, "without a derivation there is no shared information"))
        }
        AgreementKdf::Null => {
            check_len(len, shared_secret.len())?;
            Ok(Zeroizing::new(shared_secret[shared_secret.len() - len..].to_vec()))
        }
    }
}

/// PBKDF2 with HMAC (RFC 8018 section 5.2; CKM_PKCS5_PBKD2). How many iterations are too many is the caller's matter.
pub fn pbkdf2(hash: Hash, password: &[u8], salt: &[u8], iterations: u32, len: usize) -> Result<Zeroizing<Vec<u8>>> {
    check_len(len, MAX_DERIVED_BYTES)?;
    if iterations == 0 {
        return Err(Error::new(ErrorCode::InvalidParameters, "PBKDF2 needs at least one iteration"));
    }
    lc::pbkdf2(hash, password, salt, iterations, len).map_err(Error::internal)
}

/// One after the other (CKM_CONCATENATE_BASE_AND_DATA and its siblings, PKCS#11 3.2 section 6.43).
pub fn concatenate(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([first, second].concat())
}

/// Bit by bit, as long as the shorter (CKM_XOR_BASE_AND_DATA, PKCS#11 3.2 section 6.43).
pub fn xor(base: &[u8], data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; base.len().min(data.len())]);
    for (out, (base, data)) in out.iter_mut().zip(base.iter().zip(data)) {
        *out = base ^ data;
    }
    out
}

/// So many bytes from this bit of the key on, counted from its front and round its end (CKM_EXTRACT_KEY_FROM_KEY,
/// PKCS#11 3.2 section 6.43).
pub fn extract(base: &[u8], first_bit: usize, len: usize) -> Result<Zeroizing<Vec<u8>>> {
    check_len(len, base.len())?;
    if first_bit >= 8 * base.len() {
        return Err(Error::new(ErrorCode::InvalidParameters, format!("the key has no bit {first_bit}")));
    }
    let (byte, shift) = (first_bit / 8, first_bit % 8);
    let mut out = Zeroizing::new(vec![0; len]);
    for (index, out) in out.iter_mut().enumerate() {
        let at = |offset: usize| u16::from(base[(byte + index + offset) % base.len()]);
        *out = ((at(0) << 8 | at(1)) >> (8 - shift)) as u8;
    }
    Ok(out)
}

/// Refuses to derive nothing or too much.
fn check_len(len: usize, longest: usize) -> Result<()> {
    if (1..=longest).contains(&len) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidLength, format!("1 to {longest} bytes can be derived here, not {len}")))
}

fn front(mut bytes: Zeroizing<Vec<u8>>, len: usize) -> Zeroizing<Vec<u8>> {
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests;
