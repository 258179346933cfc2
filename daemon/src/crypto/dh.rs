//! Diffie-Hellman over a prime of the caller's choice (PKCS#3; PKCS#11 3.2 section 6.4): its checks, and its arithmetic
//! by `crypto-bigint`, in constant time. aws-lc's own arithmetic is in `ffi/number.rs`.
//!
//! That the prime is one is not checked: it would take longer than everything else, and who chooses it owns the key.

use p256::elliptic_curve::bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use p256::elliptic_curve::bigint::{BoxedUint, Odd};
use softkeep_proto::limits::{MAX_RSA_BITS, MIN_RSA_BITS};
use zeroize::Zeroizing;

use super::fill_random;
use super::input::left_pad;
use super::key_info::bit_len;
use super::key_parts::{Secret, dh_pkcs8, trim};
use crate::error::{Error, ErrorCode, Result};

/// A shorter private value is found by the square root of its range: 112 bits of strength (NIST SP 800-56A section 5.5.2).
const MIN_PRIVATE_BITS: u32 = 224;

/// Makes a private key, as PKCS#8 with PKCS#3 parameters. The private value has exactly `private_bits` bits, without
/// that one fewer than the prime.
pub fn generate(prime: &[u8], base: &[u8], private_bits: Option<u32>) -> Result<Secret> {
    let (p, g) = (trim(prime), trim(base));
    // The base is a public value too; only its own rules matter here.
    check_numbers(p, g, g)?;
    let most = bit_len(p)? - 1;
    let bits = private_bits.unwrap_or(most);
    if !(MIN_PRIVATE_BITS..=most).contains(&bits) {
        let detail = format!("a private value has {MIN_PRIVATE_BITS} to {most} bits, not {bits}");
        return Err(Error::new(ErrorCode::InvalidParameters, detail));
    }
    let mut value = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
    fill_random(&mut value)?;
    let top_bit = 1 << ((bits - 1) % 8);
    if let Some(first) = value.first_mut() {
        *first = (*first & (top_bit - 1)) | top_bit;
    }
    dh_pkcs8(p, g, &value)
}

/// Refuses parameters and public values that we do not use. Numbers without leading zeros.
pub(super) fn check_numbers(p: &[u8], g: &[u8], y: &[u8]) -> Result<()> {
    let bits = bit_len(p)?;
    if bits < MIN_RSA_BITS {
        let detail = format!("a DH prime of {bits} bits is too weak, it needs {MIN_RSA_BITS}");
        return Err(Error::new(ErrorCode::KeyTooWeak, detail));
    }
    if bits > MAX_RSA_BITS {
        let detail = format!("DH primes have at most {MAX_RSA_BITS} bits, not {bits}");
        return Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail));
    }
    if p.last().is_none_or(|byte| byte & 1 == 0) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the DH prime is even"));
    }
    if !is_between(p, g) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the DH base is not between 1 and the prime minus 1"));
    }
    if !is_between(p, y) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the DH public value is not between 1 and the prime minus 1"));
    }
    Ok(())
}

/// The peer's public value, checked (NIST SP 800-56A section 5.6.2.3.1) and as long as the prime.
pub(super) fn check_peer(p: &[u8], y: &[u8]) -> Result<Vec<u8>> {
    let y = trim(y);
    if !is_between(p, y) {
        let detail = "the peer's public value is not between 1 and the prime minus 1";
        return Err(Error::new(ErrorCode::InvalidParameters, detail));
    }
    Ok(left_pad(y, p.len()))
}

/// Whether 1 < value < p-1, for an odd p; neither has leading zeros.
fn is_between(p: &[u8], value: &[u8]) -> bool {
    if value.len() > p.len() || value.is_empty() || value == [1] {
        return false;
    }
    let mut p_minus_one = p.to_vec();
    if let Some(last) = p_minus_one.last_mut() {
        *last &= !1;
    }
    left_pad(value, p.len()) < p_minus_one
}

/// The public value of a private one, without leading zeros.
pub(super) fn public_of(p: &[u8], g: &[u8], value: &[u8]) -> Result<Vec<u8>> {
    // Asked before the arithmetic, which wants an odd modulus of a bounded size.
    check_numbers(p, g, g)?;
    let y = power(p, g, value)?;
    Ok(trim(&y).to_vec())
}

/// base^exponent mod p, as long as p. The exponent must not be longer than p.
pub(super) fn power(p: &[u8], base: &[u8], exponent: &[u8]) -> Result<Secret> {
    let wrong = || Error::new(ErrorCode::KeyInvalid, "the DH numbers do not fit together");
    let bits = u32::try_from(8 * p.len()).map_err(Error::internal)?;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(trim(bytes), bits).map_err(|_| wrong());
    let modulus = Option::from(Odd::new(number(p)?)).ok_or_else(wrong)?;
    let exponent = Zeroizing::new(number(exponent)?);
    let base = BoxedMontyForm::new(number(base)?, &BoxedMontyParams::new(modulus));
    let result = Zeroizing::new(base.pow(&exponent).retrieve());
    let bytes = Zeroizing::new(result.to_be_bytes().to_vec());
    let excess = bytes.len().saturating_sub(p.len());
    Ok(Zeroizing::new(left_pad(bytes.get(excess..).unwrap_or_default(), p.len())))
}
