//! A message on its way through a secret-key cipher: what of it goes to the daemon when, so that output comes with each
//! part where the mode allows, and memory stays flat. Chaining blocks and counters are kept here and travel as the
//! mechanism's parameter, since the daemon keeps nothing. No cipher is computed here.

use bytes::Bytes;
use softkeep_proto::{
    limits::{MAX_GATHERED_BYTES, MAX_PART_BYTES},
    pkcs11::v1::{self as wire, mechanism::Parameter},
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    mechanism::{Family, Mechanism, Params},
    object::Key,
    remote::Remote,
};

mod counter;

use counter::Counter;

#[cfg(test)]
mod tests;

const BLOCK_BYTES: usize = 16;

/// What is known of an output's length before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Exactly this.
    Exact(usize),
    /// This or less.
    UpTo(usize),
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    Encrypt,
    Decrypt,
}

impl Direction {
    /// What is gathered at most; of a ciphertext so much more that every plaintext within the limit can be had again.
    pub fn limit(self) -> usize {
        match self {
            Direction::Encrypt => MAX_GATHERED_BYTES,
            Direction::Decrypt => MAX_GATHERED_BYTES + BLOCK_BYTES,
        }
    }

    /// The input is too long, too short or not of whole blocks.
    pub fn wrong_length(self) -> Error {
        match self {
            Direction::Encrypt => Error::DataLenRange,
            Direction::Decrypt => Error::EncryptedDataLenRange,
        }
    }
}

/// An encryption or decryption with a secret key.
#[derive(Clone)]
pub struct Cipher {
    key: Key,
    mechanism: Mechanism,
    direction: Direction,
    mode: Mode,
    /// What has been given and is not worked on yet.
    pending: Zeroizing<Vec<u8>>,
}

#[derive(Clone)]
enum Mode {
    /// ECB and CBC.
    Block { chain: Option<[u8; BLOCK_BYTES]>, padded: bool },
    /// As many bytes out as in.
    Stream(Counter),
    /// AEAD and key wrapping: nothing can be told of a part before the whole is there.
    Whole(Overhead),
}

/// How much longer a ciphertext is than its plaintext.
#[derive(Clone, Copy)]
enum Overhead {
    /// So many bytes: a tag, or key wrapping's first block.
    Bytes(usize),
    /// CKM_AES_KEY_WRAP_KWP: zeros up to whole blocks of 8, and one more block (RFC 5649).
    Kwp,
    /// CKM_AES_KEY_WRAP_PAD: one to eight bytes up to whole blocks of 8, and one more block.
    KeyWrapPad,
}

impl Cipher {
    /// Nothing given yet. MECHANISM_INVALID for what is no cipher.
    pub fn new(key: Key, mechanism: Mechanism, direction: Direction) -> Result<Self> {
        let mode = match (mechanism.row.family, &mechanism.params) {
            (Family::AesEcb, _) => Mode::Block { chain: None, padded: false },
            (family @ (Family::AesCbc | Family::AesCbcPad), Params::Iv(iv)) => Mode::Block {
                chain: Some(iv[..].try_into().map_err(|_| Error::MechanismParamInvalid)?),
                padded: family == Family::AesCbcPad,
            },
            (Family::AesCtr, Params::Ctr { block, counter_bits }) => Mode::Stream(Counter::ctr(*block, *counter_bits)),
            (Family::ChaCha20, Params::ChaCha20 { counter, nonce }) => {
                Mode::Stream(Counter::chacha20(*counter, nonce.clone()))
            }
            (Family::AesGcm | Family::AesCcm | Family::ChaCha20Poly1305, Params::Aead { tag_len_bytes, .. }) => {
                Mode::Whole(Overhead::Bytes(*tag_len_bytes))
            }
            (Family::AesKeyWrap, _) => Mode::Whole(Overhead::Bytes(8)),
            (Family::AesKeyWrapKwp, _) => Mode::Whole(Overhead::Kwp),
            (Family::AesKeyWrapPad, _) => Mode::Whole(Overhead::KeyWrapPad),
            _ => return Err(Error::MechanismInvalid),
        };
        Ok(Self { key, mechanism, direction, mode, pending: Zeroizing::default() })
    }

    /// How much output comes of this part.
    pub fn update_len(&self, data_len: usize) -> Result<usize> {
        let total = self.pending.len().checked_add(data_len).ok_or_else(|| self.direction.wrong_length())?;
        match &self.mode {
            Mode::Block { padded, .. } => Ok(whole_blocks(total, *padded && self.direction == Direction::Decrypt)),
            Mode::Stream(_) => Ok(data_len),
            Mode::Whole(_) if total > self.direction.limit() => Err(self.direction.wrong_length()),
            Mode::Whole(_) => Ok(0),
        }
    }

    /// How much output comes at the end, if `data_len` more bytes are given with it.
    pub fn finish_len(&self, data_len: usize) -> Result<Length> {
        let wrong = || self.direction.wrong_length();
        let total = self.pending.len().checked_add(data_len).ok_or_else(wrong)?;
        match (&self.mode, self.direction) {
            (Mode::Block { padded: false, .. }, _) if !total.is_multiple_of(BLOCK_BYTES) => Err(wrong()),
            (Mode::Block { padded: false, .. }, _) => Ok(Length::Exact(total)),
            (Mode::Block { padded: true, .. }, Direction::Encrypt) => {
                Ok(Length::Exact((total / BLOCK_BYTES + 1) * BLOCK_BYTES))
            }
            (Mode::Block { padded: true, .. }, Direction::Decrypt) => {
                if total == 0 || !total.is_multiple_of(BLOCK_BYTES) { Err(wrong()) } else { Ok(Length::UpTo(total)) }
            }
            (Mode::Stream(_), _) => Ok(Length::Exact(total)),
            (Mode::Whole(_), direction) if total > direction.limit() => Err(wrong()),
            (Mode::Whole(overhead), _) => self.whole_len(*overhead, total),
        }
    }

    fn whole_len(&self, overhead: Overhead, total: usize) -> Result<Length> {
        let wrong = || self.direction.wrong_length();
        let message_len = match self.mechanism.params {
            Params::Aead { message_len, .. } => message_len,
            _ => None,
        };
        let message = match (self.direction, overhead) {
            (Direction::Encrypt, _) => total,
            (Direction::Decrypt, Overhead::Bytes(len)) => total.checked_sub(len).ok_or_else(wrong)?,
            (Direction::Decrypt, _) => total.checked_sub(8).ok_or_else(wrong)?,
        };
        // CCM's parameter tells the length beforehand (SP 800-38C: it is part of what is authenticated).
        if message_len.is_some_and(|len| len != message as u64) {
            return Err(wrong());
        }
        // RFC 3394 wraps two blocks of 8 at least, and whole ones; RFC 5649 at least a byte.
        let (least, unit) = match (self.mechanism.row.family, self.direction) {
            (Family::AesKeyWrap, _) | (Family::AesKeyWrapPad, Direction::Decrypt) => (16, 8),
            (Family::AesKeyWrapKwp, Direction::Decrypt) => (8, 8),
            (Family::AesKeyWrapPad, Direction::Encrypt) => (8, 1),
            (Family::AesKeyWrapKwp, Direction::Encrypt) => (1, 1),
            _ => (0, 1),
        };
        if message < least || !message.is_multiple_of(unit) {
            return Err(wrong());
        }
        Ok(match (self.direction, overhead) {
            (Direction::Decrypt, Overhead::Bytes(_)) => Length::Exact(message),
            (Direction::Decrypt, _) => Length::UpTo(message),
            (Direction::Encrypt, Overhead::Bytes(len)) => Length::Exact(message + len),
            (Direction::Encrypt, Overhead::Kwp) => Length::Exact(message.next_multiple_of(8) + 8),
            (Direction::Encrypt, Overhead::KeyWrapPad) => Length::Exact((message / 8 + 1) * 8 + 8),
        })
    }

    /// Takes a part; its output.
    pub fn update(&mut self, remote: &Remote, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let now = self.pending.len() + data.len();
        match &self.mode {
            Mode::Block { padded, .. } => {
                let whole = whole_blocks(now, *padded && self.direction == Direction::Decrypt);
                if whole == 0 {
                    append(&mut self.pending, data);
                    return Ok(Zeroizing::default());
                }
                let (work, rest) = data.split_at(whole - self.pending.len());
                append(&mut self.pending, work);
                let input = std::mem::take(&mut self.pending);
                append(&mut self.pending, rest);
                self.blocks(remote, &input)
            }
            Mode::Stream(_) => self.stream(remote, data),
            Mode::Whole(_) => {
                self.update_len(data.len())?;
                append(&mut self.pending, data);
                Ok(Zeroizing::default())
            }
        }
    }

    /// The end of the message, with what is given last.
    pub fn finish(&mut self, remote: &Remote, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.finish_len(data.len())?;
        if let Mode::Stream(_) = self.mode {
            return self.stream(remote, data);
        }
        append(&mut self.pending, data);
        let mut input: &[u8] = &std::mem::take(&mut self.pending);
        let mut output = Zeroizing::default();
        if let Mode::Block { padded, .. } = self.mode {
            // What is over one call's limit goes as parts before; the last call keeps at least a byte.
            let before = input.len().saturating_sub(1) / MAX_PART_BYTES * MAX_PART_BYTES;
            output = self.blocks(remote, &input[..before])?;
            input = &input[before..];
            if input.is_empty() && !padded {
                return Ok(output);
            }
        }
        append(&mut output, &self.ask(remote, self.parameter(), input, false)?);
        Ok(output)
    }

    /// Whole blocks, as many calls as it takes.
    fn blocks(&mut self, remote: &Remote, input: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut output = Zeroizing::new(Vec::with_capacity(input.len()));
        for part in input.chunks(MAX_PART_BYTES) {
            let answer = self.ask(remote, self.parameter(), part, true)?;
            if answer.len() != part.len() {
                return Err(Error::strange_reply());
            }
            if let Mode::Block { chain: Some(chain), .. } = &mut self.mode {
                let ciphertext = if self.direction == Direction::Encrypt { &answer } else { part };
                *chain = *ciphertext.last_chunk().ok_or_else(Error::strange_reply)?;
            }
            output.extend_from_slice(&answer);
        }
        Ok(output)
    }

    /// Any bytes, after those of the key stream's current block that are used already.
    fn stream(&mut self, remote: &Remote, mut data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let Mode::Stream(counter) = &self.mode else { return Err(Error::FunctionFailed) };
        let mut counter = counter.clone();
        counter.require(data.len()).ok_or_else(|| self.direction.wrong_length())?;
        let mut output = Zeroizing::new(Vec::with_capacity(data.len()));
        while !data.is_empty() {
            let used = counter.used();
            let (now, later) = data.split_at(data.len().min(MAX_PART_BYTES - used));
            let mut input = Zeroizing::new(vec![0; used]);
            append(&mut input, now);
            let answer = self.ask(remote, Some(counter.parameter()), &input, true)?;
            if answer.len() != input.len() {
                return Err(Error::strange_reply());
            }
            output.extend_from_slice(&answer[used..]);
            counter.advance(now.len());
            data = later;
        }
        self.mode = Mode::Stream(counter);
        Ok(output)
    }

    /// The parameter of the next call: the chaining block, where there is one.
    fn parameter(&self) -> Option<Parameter> {
        match &self.mode {
            Mode::Block { chain: Some(chain), .. } => Some(Parameter::Iv(Bytes::copy_from_slice(chain))),
            _ => None,
        }
    }

    fn ask(
        &self,
        remote: &Remote,
        parameter: Option<Parameter>,
        input: &[u8],
        partial: bool,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mechanism = match parameter {
            Some(parameter) => self.mechanism.to_wire_at(parameter),
            None => self.mechanism.to_wire(),
        };
        ask(remote, self.direction, &self.key, mechanism, input, partial)
    }
}

/// One call.
pub fn ask(
    remote: &Remote,
    direction: Direction,
    key: &Key,
    mechanism: wire::Mechanism,
    input: &[u8],
    partial: bool,
) -> Result<Zeroizing<Vec<u8>>> {
    let (key, mechanism, input) = (Some(key.to_wire(None)), Some(mechanism), Bytes::copy_from_slice(input));
    let answer = match direction {
        Direction::Encrypt => {
            let encrypted = remote.encrypt(wire::Encrypt { key, mechanism, plaintext: input, partial });
            encrypted.map(|ciphertext| Zeroizing::new(ciphertext.to_vec()))
        }
        Direction::Decrypt => remote.decrypt(wire::Decrypt { key, mechanism, ciphertext: input, partial }),
    };
    answer.map_err(Error::about_key)
}

/// How many of these bytes can be worked on now. Of a padded ciphertext the last block waits: it may be the padding.
fn whole_blocks(len: usize, hold_back: bool) -> usize {
    let len = if hold_back { len.saturating_sub(1) } else { len };
    len / BLOCK_BYTES * BLOCK_BYTES
}

/// Grows a secret without leaving a copy of it behind in freed memory.
fn append(secret: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if secret.capacity() - secret.len() < more.len() {
        let mut grown = Zeroizing::new(Vec::with_capacity((secret.len() + more.len()).next_power_of_two()));
        grown.extend_from_slice(secret);
        *secret = grown;
    }
    secret.extend_from_slice(more);
}
