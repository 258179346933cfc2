//! Symmetric encryption: AES in the modes of PKCS#11 3.2 sections 6.10 to 6.16, ChaCha20 and ChaCha20-Poly1305. What
//! may be asked is decided here; the work is done by aws-lc (`ffi/cipher.rs`).

use zeroize::Zeroizing;

use super::ffi::cipher::{self as lc, AES_BLOCK_BYTES, Aead, Direction, Mode};
use crate::error::{Error, ErrorCode, Result};

/// Half a block: what AES key wrap counts in (RFC 3394 section 2).
const SEMIBLOCK_BYTES: usize = 8;

/// RFC 3394 section 2.2.3.1.
const DEFAULT_WRAP_IV: [u8; 8] = [0xa6; 8];

/// A block of ChaCha20 (RFC 8439 section 2.3).
const CHACHA20_BLOCK_BYTES: u64 = 64;

/// Longest input of one call. aws-lc counts in C's int; a block and a tag must still fit.
const MAX_INPUT_BYTES: usize = i32::MAX as usize - 64;

/// Longest IV of GCM (PKCS#11 3.2 section 6.13, CK_GCM_PARAMS).
const MAX_GCM_IV_BYTES: usize = 256;

/// A way to encrypt, with everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// Block by block (CKM_AES_ECB). Equal blocks stay equal; it is here for what is built on it.
    AesEcb,
    /// CBC over whole blocks (CKM_AES_CBC).
    AesCbc {
        /// The first block's predecessor.
        iv: [u8; 16],
    },
    /// CBC with PKCS#7 padding (CKM_AES_CBC_PAD).
    AesCbcPad {
        /// The first block's predecessor.
        iv: [u8; 16],
    },
    /// Counter mode (CKM_AES_CTR).
    AesCtr {
        /// The first counter block.
        block: [u8; 16],
        /// How many of its low bits count, 1 to 128. A message that would make them overflow is refused.
        counter_bits: u32,
    },
    /// GCM (CKM_AES_GCM): the ciphertext, then the tag.
    AesGcm {
        /// 1 to 256 bytes; 12 is what it is made for.
        iv: Vec<u8>,
        /// What is authenticated but not encrypted.
        aad: Vec<u8>,
        /// 4, 8 or 12 to 16 (SP 800-38D section 5.2.1.2).
        tag_bytes: usize,
    },
    /// CCM (CKM_AES_CCM): the ciphertext, then the MAC.
    AesCcm {
        /// 7 to 13 bytes; the longer, the shorter the longest message.
        nonce: Vec<u8>,
        /// What is authenticated but not encrypted.
        aad: Vec<u8>,
        /// 4, 6, 8, 10, 12, 14 or 16 (SP 800-38C section A.1).
        mac_bytes: usize,
    },
    /// AES key wrap of whole semiblocks, at least two (CKM_AES_KEY_WRAP, RFC 3394).
    AesKw {
        /// Instead of RFC 3394's.
        iv: Option<[u8; 8]>,
    },
    /// AES key wrap with padding (CKM_AES_KEY_WRAP_KWP, RFC 5649).
    AesKwp {
        /// Instead of RFC 5649's first four bytes.
        iv: Option<[u8; 4]>,
    },
    /// PKCS#7 padding to semiblocks, then AES key wrap (CKM_AES_KEY_WRAP_PKCS7, CKM_AES_KEY_WRAP_PAD).
    AesKwPad {
        /// Instead of RFC 3394's.
        iv: Option<[u8; 8]>,
    },
    /// AEAD_CHACHA20_POLY1305 (CKM_CHACHA20_POLY1305, RFC 8439): the ciphertext, then the tag.
    ChaCha20Poly1305 {
        /// Never twice with one key.
        nonce: [u8; 12],
        /// What is authenticated but not encrypted.
        aad: Vec<u8>,
    },
    /// ChaCha20 alone (CKM_CHACHA20).
    ChaCha20 {
        /// 12 bytes with a counter of 32 bits (RFC 8439), or 8 bytes with one of 64 bits (the first version).
        nonce: Vec<u8>,
        /// The first block's number.
        counter: u64,
    },
}

/// Encrypts. What has a tag gives it after the ciphertext.
pub fn encrypt(cipher: &Cipher, key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    check(cipher, key, plaintext)?;
    let run =
        |mode, iv: &_| lc::run(mode, Direction::Encrypt, key, iv, plaintext).map(|mut out| std::mem::take(&mut *out));
    match cipher {
        Cipher::AesEcb => check_blocks(plaintext).map(|()| run(Mode::Ecb, &[0; AES_BLOCK_BYTES]))?,
        Cipher::AesCbc { iv } => check_blocks(plaintext).map(|()| run(Mode::Cbc, iv))?,
        Cipher::AesCbcPad { iv } => run(Mode::CbcPadded, iv),
        Cipher::AesCtr { block, .. } => run(Mode::Ctr, block),
        Cipher::AesGcm { iv, aad, tag_bytes } => lc::seal(Aead::Gcm, key, iv, aad, plaintext, *tag_bytes),
        Cipher::AesCcm { nonce, aad, mac_bytes } => lc::seal(Aead::Ccm, key, nonce, aad, plaintext, *mac_bytes),
        Cipher::AesKw { iv } => {
            check_semiblocks(plaintext, 2)?;
            lc::wrap_key(key, &iv.unwrap_or(DEFAULT_WRAP_IV), plaintext)
        }
        Cipher::AesKwp { iv } => return wrap_padded(key, *iv, plaintext),
        Cipher::AesKwPad { iv } => {
            let padded = pad_to_semiblocks(plaintext);
            check_semiblocks(&padded, 2)?;
            lc::wrap_key(key, &iv.unwrap_or(DEFAULT_WRAP_IV), &padded)
        }
        Cipher::ChaCha20Poly1305 { nonce, aad } => {
            lc::chacha20_poly1305_seal(chacha20_key(key)?, nonce, aad, plaintext)
        }
        Cipher::ChaCha20 { nonce, counter } => {
            return chacha20(key, nonce, *counter, plaintext).map(|mut out| std::mem::take(&mut *out));
        }
    }
    .map_err(Error::internal)
}

/// Decrypts. Whether padding, tag or initial value was wrong, the error is the one of [`Error::decrypt_failed`]; only a
/// length that no ciphertext of a block mode has, which is no secret, gets its own.
pub fn decrypt(cipher: &Cipher, key: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    check(cipher, key, ciphertext)?;
    let run = |mode, iv: &_| lc::run(mode, Direction::Decrypt, key, iv, ciphertext);
    let open = |aead, nonce: &_, aad: &_, tag_bytes: usize| {
        let split = ciphertext.len().checked_sub(tag_bytes).ok_or_else(Error::decrypt_failed)?;
        let (ciphertext, tag) = ciphertext.split_at(split);
        Ok(lc::open(aead, key, nonce, aad, ciphertext, tag))
    };
    match cipher {
        Cipher::AesEcb => check_blocks(ciphertext).map(|()| run(Mode::Ecb, &[0; AES_BLOCK_BYTES]))?,
        Cipher::AesCbc { iv } => check_blocks(ciphertext).map(|()| run(Mode::Cbc, iv))?,
        Cipher::AesCbcPad { iv } => {
            check_blocks(ciphertext)?;
            check_not_empty(ciphertext)?;
            run(Mode::CbcPadded, iv)
        }
        Cipher::AesCtr { block, .. } => run(Mode::Ctr, block),
        Cipher::AesGcm { iv, aad, tag_bytes } => open(Aead::Gcm, iv, aad, *tag_bytes)?,
        Cipher::AesCcm { nonce, aad, mac_bytes } => open(Aead::Ccm, nonce, aad, *mac_bytes)?,
        Cipher::AesKw { iv } => {
            check_semiblocks(ciphertext, 3)?;
            lc::unwrap_key(key, &iv.unwrap_or(DEFAULT_WRAP_IV), ciphertext)
        }
        Cipher::AesKwp { iv } => {
            check_semiblocks(ciphertext, 2)?;
            return unwrap_padded(key, *iv, ciphertext).ok_or_else(Error::decrypt_failed);
        }
        Cipher::AesKwPad { iv } => {
            check_semiblocks(ciphertext, 3)?;
            let padded = lc::unwrap_key(key, &iv.unwrap_or(DEFAULT_WRAP_IV), ciphertext);
            return padded.ok().and_then(remove_padding).ok_or_else(Error::decrypt_failed);
        }
        Cipher::ChaCha20Poly1305 { nonce, aad } => {
            lc::chacha20_poly1305_open(chacha20_key(key)?, nonce, aad, ciphertext)
        }
        Cipher::ChaCha20 { nonce, counter } => return chacha20(key, nonce, *counter, ciphertext),
    }
    // The cause is dropped on purpose, also for the log.
    .map_err(|_| Error::decrypt_failed())
}

/// What key and parameters must be, whichever way it goes.
fn check(cipher: &Cipher, key: &[u8], input: &[u8]) -> Result<()> {
    if input.len() > MAX_INPUT_BYTES {
        return Err(length("the input is longer than any cipher here takes"));
    }
    match cipher {
        Cipher::ChaCha20Poly1305 { .. } | Cipher::ChaCha20 { .. } => return chacha20_key(key).map(|_| ()),
        _ => check_aes_key(key)?,
    }
    match cipher {
        Cipher::AesCtr { block, counter_bits } => check_counter(block, *counter_bits, input),
        Cipher::AesGcm { iv, tag_bytes, .. } => check_gcm(iv, *tag_bytes),
        Cipher::AesCcm { nonce, mac_bytes, .. } => check_ccm(nonce, *mac_bytes, input),
        _ => Ok(()),
    }
}

/// AES has three key lengths (FIPS 197).
pub(super) fn check_aes_key(key: &[u8]) -> Result<()> {
    match key.len() {
        16 | 24 | 32 => Ok(()),
        len => Err(mismatch(format!("AES needs a key of 16, 24 or 32 bytes, this has {len}"))),
    }
}

fn chacha20_key(key: &[u8]) -> Result<&[u8; 32]> {
    key.try_into().map_err(|_| mismatch(format!("ChaCha20 needs a key of 32 bytes, this has {}", key.len())))
}

/// The parameters of GCM that SP 800-38D section 5.2.1 and PKCS#11 both allow.
pub(super) fn check_gcm(iv: &[u8], tag_bytes: usize) -> Result<()> {
    if !(1..=MAX_GCM_IV_BYTES).contains(&iv.len()) {
        return Err(parameters(format!("GCM takes an IV of 1 to {MAX_GCM_IV_BYTES} bytes, not {}", iv.len())));
    }
    match tag_bytes {
        4 | 8 | 12..=16 => Ok(()),
        _ => Err(parameters(format!("GCM has tags of 4, 8 and 12 to 16 bytes, not {tag_bytes}"))),
    }
}

/// The parameters of CCM, and whether the message's length fits beside the nonce (SP 800-38C section A.1).
fn check_ccm(nonce: &[u8], mac_bytes: usize, input: &[u8]) -> Result<()> {
    if !matches!(mac_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(parameters(format!("CCM has MACs of 4, 6, 8, 10, 12, 14 and 16 bytes, not {mac_bytes}")));
    }
    if !(7..=13).contains(&nonce.len()) {
        return Err(parameters(format!("CCM takes a nonce of 7 to 13 bytes, not {}", nonce.len())));
    }
    let length_bits = 8 * (15 - nonce.len() as u32);
    // The longest input is 31 bits, so fields of four bytes and more hold every length.
    match 1usize.checked_shl(length_bits).filter(|_| length_bits < 32) {
        Some(limit) if input.len() >= limit => {
            Err(length(format!("with a nonce of {} bytes a message has less than {limit} bytes", nonce.len())))
        }
        _ => Ok(()),
    }
}

/// Refuses a message that would make the counter's bits overflow and so use a block twice (PKCS#11 3.2 section 6.11).
fn check_counter(block: &[u8; 16], counter_bits: u32, input: &[u8]) -> Result<()> {
    if !(1..=128).contains(&counter_bits) {
        return Err(parameters(format!("the counter has 1 to 128 bits, not {counter_bits}")));
    }
    let largest = u128::MAX >> (128 - counter_bits);
    let after_first = largest - (u128::from_be_bytes(*block) & largest);
    let blocks = input.len().div_ceil(AES_BLOCK_BYTES) as u128;
    if blocks > after_first.saturating_add(1) {
        return Err(length("the message is longer than its counter can count"));
    }
    Ok(())
}

fn check_blocks(input: &[u8]) -> Result<()> {
    match input.len() % AES_BLOCK_BYTES {
        0 => Ok(()),
        _ => Err(length(format!("{} bytes are not a multiple of {AES_BLOCK_BYTES}", input.len()))),
    }
}

fn check_not_empty(input: &[u8]) -> Result<()> {
    if input.is_empty() { Err(length("a padded message has at least one block")) } else { Ok(()) }
}

fn check_semiblocks(input: &[u8], at_least: usize) -> Result<()> {
    if input.len().is_multiple_of(SEMIBLOCK_BYTES) && input.len() >= at_least * SEMIBLOCK_BYTES {
        return Ok(());
    }
    let at_least = at_least * SEMIBLOCK_BYTES;
    Err(length(format!("{} bytes are not a multiple of {SEMIBLOCK_BYTES} from {at_least} on", input.len())))
}

/// RFC 5649. aws-lc has it with the RFC's own initial value; with another one it is RFC 3394 over the padded text, or
/// one block if the text is that short.
fn wrap_padded(key: &[u8], iv: Option<[u8; 4]>, plaintext: &[u8]) -> Result<Vec<u8>> {
    if plaintext.is_empty() {
        return Err(length("there is nothing to wrap"));
    }
    let Some(iv) = iv else { return lc::wrap_key_padded(key, plaintext).map_err(Error::internal) };
    let mut padded = Zeroizing::new(vec![0; plaintext.len().next_multiple_of(SEMIBLOCK_BYTES)]);
    padded[..plaintext.len()].copy_from_slice(plaintext);
    let initial = padded_initial_value(iv, plaintext.len());
    if padded.len() > SEMIBLOCK_BYTES {
        return lc::wrap_key(key, &initial, &padded).map_err(Error::internal);
    }
    let block = Zeroizing::new([&initial[..], &padded[..]].concat());
    encrypt(&Cipher::AesEcb, key, &block)
}

/// The inverse of [`wrap_padded`]. The text's true length is inside the initial value, so with an initial value that is
/// not aws-lc's own each of the eight lengths is tried: one at most can be right.
fn unwrap_padded(key: &[u8], iv: Option<[u8; 4]>, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let Some(iv) = iv else { return lc::unwrap_key_padded(key, ciphertext).ok() };
    let padded_len = ciphertext.len() - SEMIBLOCK_BYTES;
    let mut found = None;
    for plain_len in padded_len - 7..=padded_len {
        let initial = padded_initial_value(iv, plain_len);
        if let Some(text) =
            unwrap_exactly(key, &initial, ciphertext).filter(|text| text[plain_len..].iter().all(|&byte| byte == 0))
        {
            found = Some((text, plain_len));
        }
    }
    found.map(|(mut text, plain_len)| {
        text.truncate(plain_len);
        text
    })
}

fn unwrap_exactly(key: &[u8], initial: &[u8; 8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if ciphertext.len() > AES_BLOCK_BYTES {
        return lc::unwrap_key(key, initial, ciphertext).ok();
    }
    let block = lc::run(Mode::Ecb, Direction::Decrypt, key, &[0; AES_BLOCK_BYTES], ciphertext).ok()?;
    let (found, text) = block.split_at(SEMIBLOCK_BYTES);
    bool::from(subtle::ConstantTimeEq::ct_eq(found, &initial[..])).then(|| Zeroizing::new(text.to_vec()))
}

/// RFC 5649 section 3: four fixed bytes and the length.
fn padded_initial_value(iv: [u8; 4], plain_len: usize) -> [u8; 8] {
    let mut initial = [0; 8];
    initial[..4].copy_from_slice(&iv);
    // `MAX_INPUT_BYTES` is below 2^32.
    initial[4..].copy_from_slice(&(plain_len as u32).to_be_bytes());
    initial
}

/// PKCS#7 padding (RFC 5652 section 6.3) to semiblocks.
fn pad_to_semiblocks(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let padding = SEMIBLOCK_BYTES - text.len() % SEMIBLOCK_BYTES;
    let mut padded = Zeroizing::new(vec![padding as u8; text.len() + padding]);
    padded[..text.len()].copy_from_slice(text);
    padded
}

/// The inverse of [`pad_to_semiblocks`]. What comes here has passed key wrap's integrity check, so how long it takes
/// tells nobody anything about a ciphertext they made up.
fn remove_padding(mut padded: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let padding = usize::from(*padded.last()?);
    let len = padded.len().checked_sub(padding).filter(|_| (1..=SEMIBLOCK_BYTES).contains(&padding))?;
    padded[len..].iter().all(|&byte| usize::from(byte) == padding).then(|| {
        padded.truncate(len);
        padded
    })
}

/// ChaCha20 in both versions. aws-lc's counter has 32 bits; the longer one's upper half is where RFC 8439 has the first
/// four bytes of the nonce, and is counted here.
fn chacha20(key: &[u8], nonce: &[u8], counter: u64, input: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let key = chacha20_key(key)?;
    let largest = match nonce.len() {
        12 => u64::from(u32::MAX),
        8 => u64::MAX,
        len => return Err(parameters(format!("ChaCha20 takes a nonce of 8 or 12 bytes, not {len}"))),
    };
    let after_first = largest.checked_sub(counter).ok_or_else(|| parameters("the counter has more than 32 bits"))?;
    let blocks = (input.len() as u64).div_ceil(CHACHA20_BLOCK_BYTES);
    if blocks > after_first.saturating_add(1) {
        return Err(length("the message is longer than its counter can count"));
    }
    let whole_nonce = |counter: u64| {
        let mut whole = [0; 12];
        whole[12 - nonce.len()..].copy_from_slice(nonce);
        if nonce.len() == 8 {
            whole[..4].copy_from_slice(&((counter >> 32) as u32).to_le_bytes());
        }
        whole
    };
    // No message here is longer than 2^31 bytes, so the lower half overflows at most once.
    let until_carry = (1 << 32) - (counter & u64::from(u32::MAX));
    let split = usize::try_from(until_carry * CHACHA20_BLOCK_BYTES).unwrap_or(usize::MAX).min(input.len());
    let (before, after) = input.split_at(split);
    let mut out = lc::chacha20(key, &whole_nonce(counter), counter as u32, before);
    if after.is_empty() {
        return Ok(out);
    }
    let next = counter.wrapping_add(until_carry);
    let rest = lc::chacha20(key, &whole_nonce(next), next as u32, after);
    let mut whole = Zeroizing::new(vec![0; input.len()]);
    whole[..split].swap_with_slice(&mut out);
    whole[split..].copy_from_slice(&rest);
    Ok(whole)
}

fn length(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidLength, detail)
}

fn parameters(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidParameters, detail)
}

fn mismatch(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::KeyTypeMismatch, detail)
}

#[cfg(test)]
mod tests;
