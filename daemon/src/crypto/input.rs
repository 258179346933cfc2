//! What may be signed, verified or encrypted with which key: one answer for both backends, so that their error codes
//! agree. No cryptography happens here.

use softkeep_proto::algorithm::{Curve, EncryptScheme, KeyType, SignScheme};

use super::key_info::{PublicInfo, PublicNumbers};
use crate::error::{Error, ErrorCode, Result};

/// Longest input of ECDSA. Only the leftmost bits count, up to the curve's order; no hash is longer than 64 bytes, and
/// twice that leaves room for whoever concatenates two.
const MAX_ECDSA_INPUT_BYTES: usize = 128;

/// What PKCS#1 v1.5 puts before the data: 00 01, at least eight ff, 00 (RFC 8017 section 9.2).
const PKCS1_OVERHEAD_BYTES: usize = 11;

/// The prehash of Ed25519ph and Ed448ph (RFC 8032 sections 5.1 and 5.2), and the mu of ML-DSA (FIPS 204 section 6.2).
const PREHASH_BYTES: usize = 64;

/// EdDSA's context (RFC 8032 section 8.3).
const MAX_CONTEXT_BYTES: usize = 255;

/// Refuses an input that the scheme cannot take with this key. Signing and verifying ask the same question.
pub fn check_sign_input(public: &PublicInfo, scheme: &SignScheme, input: &[u8]) -> Result<()> {
    match (public.key_type, scheme) {
        (KeyType::Ec(_), SignScheme::Ecdsa) => {
            check(!input.is_empty() && input.len() <= MAX_ECDSA_INPUT_BYTES, ErrorCode::InvalidLength, || {
                format!("ECDSA takes a digest of 1 to {MAX_ECDSA_INPUT_BYTES} bytes, not {}", input.len())
            })
        }
        (KeyType::Edwards(_), SignScheme::EdDsa { context, prehashed }) => {
            let context_len = context.as_ref().map_or(0, Vec::len);
            check(context_len <= MAX_CONTEXT_BYTES, ErrorCode::InvalidParameters, || {
                format!("a context has at most {MAX_CONTEXT_BYTES} bytes, not {context_len}")
            })?;
            check(!prehashed || input.len() == PREHASH_BYTES, ErrorCode::InvalidLength, || {
                format!("the prehash has {PREHASH_BYTES} bytes, not {}", input.len())
            })
        }
        (KeyType::MlDsa(_), SignScheme::MlDsaMu { .. }) => {
            check(input.len() == PREHASH_BYTES, ErrorCode::InvalidLength, || {
                format!("mu has {PREHASH_BYTES} bytes, not {}", input.len())
            })
        }
        (KeyType::Rsa(_), scheme)
            if !matches!(scheme, SignScheme::Ecdsa | SignScheme::EdDsa { .. } | SignScheme::MlDsaMu { .. }) =>
        {
            check_rsa_input(modulus(public)?, scheme, input)
        }
        (key_type, scheme) => {
            let scheme = match scheme {
                SignScheme::Ecdsa => "ECDSA",
                SignScheme::EdDsa { .. } => "EdDSA",
                SignScheme::MlDsaMu { .. } => "ML-DSA",
                SignScheme::RsaPkcs1(_) | SignScheme::RsaPkcs1Raw | SignScheme::RsaRaw | SignScheme::RsaPss { .. } => {
                    "RSA"
                }
            };
            Err(mismatch(format!("{scheme} signatures need a key of their own, this is one of {}", key_type.kind())))
        }
    }
}

fn modulus(public: &PublicInfo) -> Result<&[u8]> {
    match &public.numbers {
        PublicNumbers::Rsa { n, .. } => Ok(n),
        _ => Err(mismatch("this needs an RSA key")),
    }
}

fn check_rsa_input(n: &[u8], scheme: &SignScheme, input: &[u8]) -> Result<()> {
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
            let needed = (*salt_len_bytes).checked_add(hash.len() + 2);
            check(needed.is_some_and(|needed| needed <= k), ErrorCode::InvalidParameters, || {
                format!("a salt of {salt_len_bytes} bytes does not fit a key of {k} bytes")
            })
        }
        SignScheme::Ecdsa | SignScheme::EdDsa { .. } | SignScheme::MlDsaMu { .. } => {
            Err(mismatch("RSA keys sign with PKCS#1 v1.5 or PSS"))
        }
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

/// Refuses a plaintext that does not fit (RFC 8017 sections 7.1.1 and 7.2.1, step 1).
pub fn check_plaintext(public: &PublicInfo, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<()> {
    let n = modulus(public)?;
    let room = match scheme {
        EncryptScheme::RsaOaep { hash, .. } => n.len().checked_sub(2 * hash.len() + 2),
        EncryptScheme::RsaPkcs1 => n.len().checked_sub(PKCS1_OVERHEAD_BYTES),
        EncryptScheme::RsaRaw => Some(n.len()),
    };
    check(room.is_some_and(|room| plaintext.len() <= room), ErrorCode::InvalidLength, || {
        format!("the plaintext has {} bytes, at most {} fit", plaintext.len(), room.unwrap_or(0))
    })?;
    let fits = *scheme != EncryptScheme::RsaRaw || raw_value_fits(n, plaintext);
    check(fits, ErrorCode::InvalidArgument, || {
        "the plaintext as a number is not between 2 and the modulus minus 2".to_owned()
    })
}

/// Refuses a ciphertext that is no block of this key. That is no secret: anybody can see it.
pub fn check_ciphertext(public: &PublicInfo, ciphertext: &[u8]) -> Result<()> {
    let n = modulus(public)?;
    if ciphertext.len() == n.len() && raw_value_fits(n, ciphertext) { Ok(()) } else { Err(Error::decrypt_failed()) }
}

/// Refuses a length that PKCS#1 v1.5 cannot hold.
pub fn check_pkcs1_len(public: &PublicInfo, len: usize) -> Result<()> {
    let room = modulus(public)?.len().saturating_sub(PKCS1_OVERHEAD_BYTES);
    check(len <= room, ErrorCode::InvalidLength, || format!("{len} bytes are more than the {room} that fit"))
}

/// Refuses a peer's public key that cannot be one, as far as its length and form tell.
pub fn check_peer(key_type: KeyType, peer: &[u8]) -> Result<()> {
    let fits = match key_type {
        // SEC 1 section 2.3.3; the hybrid and the infinite form are none.
        KeyType::Ec(curve) => match peer.first() {
            Some(4) => peer.len() == 1 + 2 * curve.width_bytes(),
            Some(2 | 3) => peer.len() == 1 + curve.width_bytes(),
            _ => false,
        },
        KeyType::Montgomery(curve) => peer.len() == curve.key_bytes(),
        // Its numbers are checked with the prime at hand.
        KeyType::Dh(_) => true,
        _ => return Err(cannot(key_type, "agree on a secret")),
    };
    check(fits, ErrorCode::InvalidParameters, || format!("the peer's public key is none of {}", key_type.kind()))
}

/// Refuses a ciphertext of ML-KEM of the wrong length (FIPS 203 section 7.3).
pub fn check_capsule(key_type: KeyType, ciphertext: &[u8]) -> Result<()> {
    let KeyType::MlKem(set) = key_type else { return Err(cannot(key_type, "decapsulate")) };
    check(ciphertext.len() == set.ciphertext_bytes(), ErrorCode::InvalidLength, || {
        format!("the ciphertext has {} bytes, not {}", ciphertext.len(), set.ciphertext_bytes())
    })
}

/// The refusal of what a key of this type never does.
pub fn cannot(key_type: KeyType, what: &str) -> Error {
    mismatch(format!("a key of {} cannot {what}", key_type.kind()))
}

fn mismatch(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::KeyTypeMismatch, detail)
}

fn check(holds: bool, code: ErrorCode, detail: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(code, detail())) }
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
