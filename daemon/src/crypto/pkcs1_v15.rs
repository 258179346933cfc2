//! What comes out of PKCS#1 v1.5 decryption when the padding is wrong: bytes that look like a message and depend on key
//! and ciphertext only (draft-irtf-cfrg-rsa-guidance sections 7.1 and 7.2; docs/decisions/0008). Everything here takes
//! the same time and touches the same memory for a good block and for a bad one; the message's length alone shows.

use aws_lc_rs::hmac;
use softkeep_proto::algorithm::Hash;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeGreater as _};
use zeroize::Zeroizing;

use super::hashes::secret_digest;
use super::input::left_pad;
use super::key_parts::Secret;

/// 00 02 and eight bytes of padding come before the zero that ends it.
const FIRST_SEPARATOR: u64 = 10;

/// How many lengths are drawn; the last that fits is taken.
const LENGTH_CANDIDATES: usize = 128;

/// The key that synthetic messages are made with: SHA-256 of the private exponent as long as the modulus.
pub struct RejectionKey(hmac::Key);

impl RejectionKey {
    /// Of a private exponent without leading zeros.
    pub fn of(private_exponent: &[u8], modulus_len: usize) -> Self {
        let exponent = Zeroizing::new(left_pad(private_exponent, modulus_len));
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret_digest(Hash::Sha256, &[&exponent])))
    }

    /// The message inside the block `em`, which is what `ciphertext` decrypts to; both are as long as the modulus.
    pub fn unpad(&self, ciphertext: &[u8], em: &[u8]) -> Secret {
        let synthetic = self.synthetic(ciphertext);
        let (good, found_len) = message_len(em);
        let len = u64::conditional_select(&synthetic.len, &found_len, good);
        let all = select(&synthetic.message, em, good);
        Zeroizing::new(all.get(em.len().saturating_sub(len as usize)..).unwrap_or_default().to_vec())
    }

    /// As [`RejectionKey::unpad`], of a message that must have `len` bytes: a wrong length is a wrong padding.
    pub fn unpad_to_len(&self, ciphertext: &[u8], em: &[u8], len: usize) -> Secret {
        let synthetic = self.synthetic(ciphertext);
        let (good, found_len) = message_len(em);
        let all = select(&synthetic.message, em, good & found_len.ct_eq(&(len as u64)));
        Zeroizing::new(all.get(em.len().saturating_sub(len)..).unwrap_or_default().to_vec())
    }

    fn synthetic(&self, ciphertext: &[u8]) -> Synthetic {
        let k = ciphertext.len();
        let tag = hmac::sign(&self.0, ciphertext);
        let key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
        let lengths = expand(&key, b"length", 2 * LENGTH_CANDIDATES);
        // The message may have k-11 bytes: as many low bits of a candidate count as that number has.
        let end = (k as u64).saturating_sub(FIRST_SEPARATOR);
        let mask = end.checked_next_power_of_two().unwrap_or(0).wrapping_sub(1);
        let mut len = 0u64;
        for candidate in lengths.chunks_exact(2) {
            let candidate = u64::from(u16::from_be_bytes([candidate[0], candidate[1]])) & mask;
            len.conditional_assign(&candidate, end.ct_gt(&candidate));
        }
        Synthetic { message: expand(&key, b"message", k), len }
    }
}

/// What a bad block stands for.
struct Synthetic {
    /// As long as the modulus; its last `len` bytes are the message.
    message: Secret,
    len: u64,
}

/// IRPRF of the draft: HMAC over counter, label and length in bits.
fn expand(key: &hmac::Key, label: &[u8], len: usize) -> Secret {
    let bits = u16::try_from(8 * len).unwrap_or(u16::MAX).to_be_bytes();
    let mut out = Zeroizing::new(vec![0; len]);
    for (counter, chunk) in (0u16..).zip(out.chunks_mut(32)) {
        let block = hmac::sign(key, &[&counter.to_be_bytes(), label, &bits].concat());
        for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
            *to = *from;
        }
    }
    out
}

/// Whether the padding is right, and the length of what follows it.
fn message_len(em: &[u8]) -> (Choice, u64) {
    let begin = |at: usize, byte: u8| em.get(at).map_or(Choice::from(0), |found| found.ct_eq(&byte));
    let mut good = begin(0, 0) & begin(1, 2);
    let (mut separator, mut found) = (0u64, Choice::from(0));
    for (at, byte) in (0u64..).zip(em).skip(2) {
        let zero = byte.ct_eq(&0);
        separator.conditional_assign(&at, zero & !found);
        found |= zero;
    }
    good &= found & separator.ct_gt(&(FIRST_SEPARATOR - 1));
    (good, (em.len() as u64).wrapping_sub(separator).wrapping_sub(1))
}

fn select(bad: &[u8], good: &[u8], choice: Choice) -> Secret {
    Zeroizing::new(bad.iter().zip(good).map(|(bad, good)| u8::conditional_select(bad, good, choice)).collect())
}

#[cfg(test)]
mod tests;
