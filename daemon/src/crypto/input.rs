//! What may be signed, verified or encrypted with which key: one answer for both backends, so that their error codes
//! agree. No cryptography happens here.

use softkeep_proto::algorithm::{Curve, EncryptScheme, KeyType, SignScheme};

use super::key_info::{PublicInfo, PublicNumbers};
use super::modulus_len;
use crate::error::{Error, ErrorCode, Result};

/// Longest input of ECDSA. Only the leftmost bits count, up to the curve's order; no hash is longer than 64 bytes, and
/// twice that leaves room for whoever concatenates two.
const MAX_ECDSA_INPUT_BYTES: usize = 128;

/// What PKCS#1 v1.5 puts before the data: 00 01, at least eight ff, 00 (RFC 8017 section 9.2).
const PKCS1_OVERHEAD_BYTES: usize = 11;

/// Refuses an input that the scheme cannot take with this key. Signing and verifying ask the same question.
pub fn check_sign_input(public: &PublicInfo, scheme: SignScheme, input: &[u8]) -> Result<()> {
    match (&public.numbers, scheme) {
        (PublicNumbers::Ec { .. }, SignScheme::Ecdsa) => {
            check(!input.is_empty() && input.len() <= MAX_ECDSA_INPUT_BYTES, ErrorCode::InvalidLength, || {
                format!("ECDSA takes a digest of 1 to {MAX_ECDSA_INPUT_BYTES} bytes, not {}", input.len())
            })
        }
        (PublicNumbers::Rsa { .. }, SignScheme::Ecdsa) => Err(mismatch("ECDSA needs an EC key, this is an RSA key")),
        (PublicNumbers::Ec { .. }, _) => Err(mismatch("RSA signatures need an RSA key, this is an EC key")),
        (PublicNumbers::Rsa { n, .. }, scheme) => check_rsa_input(n, scheme, input),
    }
}

fn check_rsa_input(n: &[u8], scheme: SignScheme, input: &[u8]) -> Result<()> {
    let (k, len) = (n.len(), input.len());
    let digest_fits = |hash_len: usize| {
        check(len == hash_len, ErrorCode::InvalidLength, || format!("the digest has {len} bytes, not {hash_len}"))
    };
    match scheme {
        SignScheme::RsaPkcs1(hash) => digest_fits(hash.len()),
        SignScheme::RsaPkcs1Raw => check(len + PKCS1_OVERHEAD_BYTES <= k, ErrorCode::InvalidLength, || {
            format!("the input has {len} bytes, at most {} fit", k.saturating_sub(PKCS1_OVERHEAD_BYTES))
        }),
        SignScheme::RsaRaw => {
            check(len <= k, ErrorCode::InvalidLength, || format!("the input has {len} bytes, at most {k} fit"))?;
            check(raw_value_fits(n, input), ErrorCode::InvalidArgument, || {
                "the input as a number is not between 2 and the modulus minus 2".to_owned()
            })
        }
        SignScheme::RsaPss { hash, salt_len_bytes, .. } => {
            digest_fits(hash.len())?;
            // RFC 8017 section 9.1.1 step 3. The modulus has a multiple of 8 bits here, so emLen is k.
            let needed = salt_len_bytes.checked_add(hash.len() + 2);
            check(needed.is_some_and(|needed| needed <= k), ErrorCode::InvalidParameters, || {
                format!("a salt of {salt_len_bytes} bytes does not fit a key of {k} bytes")
            })
        }
        SignScheme::Ecdsa => Err(mismatch("ECDSA needs an EC key, this is an RSA key")),
    }
}

/// Whether the padded input is in 2..=n-2. RSA maps 0, 1 and n-1 to themselves whatever the key, and aws-lc refuses
/// them; refusing them here keeps the backends alike.
fn raw_value_fits(n: &[u8], input: &[u8]) -> bool {
    let block = left_pad(input, n.len());
    let Some((last, rest)) = block.split_last() else { return false };
    let at_most_one = *last <= 1 && rest.iter().all(|byte| *byte == 0);
    let mut n_minus_one = n.to_vec();
    if let Some(last) = n_minus_one.last_mut() {
        *last &= !1; // n is odd
    }
    !at_most_one && block < n_minus_one
}

/// The input with zeros before it, `len` bytes in all (RFC 8017 section 4.1). The input must not be longer.
pub fn left_pad(input: &[u8], len: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(len);
    block.resize(len.saturating_sub(input.len()), 0);
    block.extend_from_slice(input);
    block
}

/// The leftmost bits of a digest as ECDSA uses them (FIPS 186-5 section 6.4.1 step 2), as a number as wide as the
/// curve: a long digest is cut to the order's bits, a short one gets zeros before it.
pub fn ecdsa_number(curve: Curve, digest: &[u8]) -> Vec<u8> {
    let width = curve.width_bytes();
    let cut = digest.get(..width).unwrap_or(digest);
    let mut number = left_pad(cut, width);
    // Only P-521 has a width that is not its order's bits: 528 and 521. Nothing is to be cut unless all 66 bytes count.
    let surplus_bits = (8 * cut.len()).saturating_sub(curve.bits() as usize);
    if surplus_bits > 0 {
        let mut carry = 0;
        for byte in &mut number {
            let shifted = (carry << (8 - surplus_bits)) | (*byte >> surplus_bits);
            carry = *byte;
            *byte = shifted;
        }
    }
    number
}

/// Refuses encryption and decryption with a key that cannot do it.
pub fn check_encrypt_key(key_type: KeyType) -> Result<()> {
    match key_type {
        KeyType::Rsa(_) => Ok(()),
        KeyType::Ec(_) => Err(mismatch("RSA-OAEP needs an RSA key, this is an EC key")),
    }
}

/// Refuses a plaintext that does not fit (RFC 8017 section 7.1.1 step 1b).
pub fn check_plaintext(key_type: KeyType, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<()> {
    check_encrypt_key(key_type)?;
    let KeyType::Rsa(bits) = key_type else { return Ok(()) };
    let EncryptScheme::RsaOaep { hash, .. } = scheme;
    let room = modulus_len(bits).checked_sub(2 * hash.len() + 2);
    check(room.is_some_and(|room| plaintext.len() <= room), ErrorCode::InvalidLength, || {
        format!("the plaintext has {} bytes, at most {} fit", plaintext.len(), room.unwrap_or(0))
    })
}

fn check(holds: bool, code: ErrorCode, detail: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(code, detail())) }
}

fn mismatch(detail: &str) -> Error {
    Error::new(ErrorCode::KeyTypeMismatch, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecdsa_numbers() {
        assert_eq!(ecdsa_number(Curve::P256, &[7; 64]), [7; 32]);
        assert_eq!(ecdsa_number(Curve::P256, &[7]), left_pad(&[7], 32));
        assert_eq!(ecdsa_number(Curve::P521, &[0xff; 64]), left_pad(&[0xff; 64], 66));
        assert_eq!(ecdsa_number(Curve::P521, &[0xff; 65]), left_pad(&[0xff; 65], 66));
        let cut = ecdsa_number(Curve::P521, &[0xff; 70]);
        assert_eq!((cut[0], &cut[1..]), (0x01, &[0xff; 65][..]));
        let cut = ecdsa_number(Curve::P521, &[&[0x80, 0x01][..], &[0; 64]].concat());
        assert_eq!(&cut[..4], [0x01, 0x00, 0x02, 0x00]);
    }

    #[test]
    fn raw_values() {
        let n = [0xc5, 0x03];
        for (input, fits) in [
            (&[][..], false),
            (&[0], false),
            (&[1], false),
            (&[0, 1], false),
            (&[2], true),
            (&[0xc5, 0x01], true),
            (&[0xc5, 0x02], false),
            (&[0xc5, 0x03], false),
            (&[0xff, 0xff], false),
        ] {
            assert_eq!(raw_value_fits(&n, input), fits, "{input:?}");
        }
    }
}
