//! Message authentication codes: HMAC, AES-CMAC and AES-GMAC, over a whole message or one that comes in parts.

use softkeep_proto::algorithm::Hash;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::cipher::{check_aes_key, check_gcm};
use super::ffi::cipher::{self as lc_cipher, AES_BLOCK_BYTES, Aead, Direction, Mode};
use super::ffi::mac as lc;
use super::hashes::{self, Running};
use crate::error::{Error, ErrorCode, Result};

/// A MAC, with everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mac {
    /// HMAC (FIPS 198-1; CKM_SHA256_HMAC and its siblings).
    Hmac(Hash),
    /// CMAC with AES (SP 800-38B; CKM_AES_CMAC).
    AesCmac,
    /// GCM without a plaintext (SP 800-38D; CKM_AES_GMAC).
    AesGmac {
        /// 1 to 256 bytes, never twice with one key.
        iv: Vec<u8>,
    },
}

impl Mac {
    /// The length of the whole MAC in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no MAC is empty")]
    pub const fn len(&self) -> usize {
        match self {
            Mac::Hmac(hash) => hash.len(),
            Mac::AesCmac | Mac::AesGmac { .. } => AES_BLOCK_BYTES,
        }
    }
}

/// The MAC of a message, in full length; whoever wants less takes the front of it.
pub fn mac(mac: &Mac, key: &[u8], message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    match mac {
        Mac::Hmac(hash) => lc::hmac(*hash, key, message),
        Mac::AesCmac => {
            check_aes_key(key)?;
            lc::aes_cmac(key, message)
        }
        Mac::AesGmac { iv } => {
            check_aes_key(key)?;
            check_gcm(iv, AES_BLOCK_BYTES)?;
            lc_cipher::seal(Aead::Gcm, key, iv, message, &[], AES_BLOCK_BYTES).map(Zeroizing::new)
        }
    }
    .map_err(Error::internal)
}

/// Whether a MAC that was sent is the right one or the front of it. It takes as long for a wrong one as for a right one;
/// how short a front may be is the caller's matter, but nothing is the front of nothing.
pub fn matches(right: &[u8], sent: &[u8]) -> bool {
    !sent.is_empty() && right.get(..sent.len()).is_some_and(|front| front.ct_eq(sent).into())
}

/// An HMAC or CMAC under way. Between two parts of a message it can be put into bytes and taken up again, so that a
/// message of any length needs neither memory nor a session; the key is not among the bytes, but they are as secret.
pub struct MacState(State);

enum State {
    /// The inner hash, after the inner key; and the outer key, as long as the hash's block.
    Hmac {
        hash: Hash,
        inner: Box<dyn Running>,
        outer_key: Zeroizing<Vec<u8>>,
    },
    Cmac(Cmac),
}

impl MacState {
    /// Starts.
    pub fn new(mac: &Mac, key: &[u8]) -> Result<Self> {
        match mac {
            Mac::Hmac(hash) => {
                let mut inner = hashes::start(*hash);
                inner.update(&hmac_key(*hash, key, 0x36));
                Ok(Self(State::Hmac { hash: *hash, inner, outer_key: hmac_key(*hash, key, 0x5c) }))
            }
            Mac::AesCmac => {
                check_aes_key(key)?;
                let key = Zeroizing::new(key.to_vec());
                let (chain, last) = (Zeroizing::new([0; AES_BLOCK_BYTES]), Zeroizing::new(Vec::new()));
                Ok(Self(State::Cmac(Cmac { key, chain, last, begun: false })))
            }
            Mac::AesGmac { .. } => Err(no_parts()),
        }
    }

    /// Takes the next part.
    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        match &mut self.0 {
            State::Hmac { inner, .. } => {
                inner.update(data);
                Ok(())
            }
            State::Cmac(cmac) => cmac.update(data),
        }
    }

    /// The MAC, in full length.
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>> {
        match self.0 {
            State::Hmac { hash, inner, outer_key } => Ok(hashes::secret_digest(hash, &[&outer_key, &inner.finish()])),
            State::Cmac(cmac) => cmac.finish(),
        }
    }

    /// All that [`MacState::import`] needs, with the key, to go on from here.
    pub fn export(&self) -> Zeroizing<Vec<u8>> {
        match &self.0 {
            State::Hmac { inner, .. } => inner.export(),
            State::Cmac(cmac) => cmac.export(),
        }
    }

    /// Goes on from where [`MacState::export`] was called, with the same MAC and the same key. A state of something else
    /// is refused if it cannot be one of this, but whoever keeps it must see to it that nobody changes it.
    pub fn import(mac: &Mac, key: &[u8], state: &[u8]) -> Result<Self> {
        match mac {
            Mac::Hmac(hash) => {
                let inner = hashes::resume(*hash, state).ok_or_else(bad_state)?;
                Ok(Self(State::Hmac { hash: *hash, inner, outer_key: hmac_key(*hash, key, 0x5c) }))
            }
            Mac::AesCmac => {
                check_aes_key(key)?;
                Ok(Self(State::Cmac(Cmac::import(key, state).ok_or_else(bad_state)?)))
            }
            Mac::AesGmac { .. } => Err(no_parts()),
        }
    }
}

/// The inner or outer key of HMAC: the key, or its digest if it is longer than a block, with every byte of the block
/// changed by the pad (FIPS 198-1 section 4).
fn hmac_key(hash: Hash, key: &[u8], pad: u8) -> Zeroizing<Vec<u8>> {
    let mut block = Zeroizing::new(vec![pad; hash.block_bytes()]);
    let digest;
    let key = if key.len() > block.len() {
        digest = hashes::secret_digest(hash, &[key]);
        &digest[..]
    } else {
        key
    };
    for (byte, key_byte) in block.iter_mut().zip(key) {
        *byte ^= key_byte;
    }
    block
}

/// CMAC is a CBC chain whose last block is treated apart. What has come is chained but for the last 1 to 16 bytes.
struct Cmac {
    key: Zeroizing<Vec<u8>>,
    /// The chain's newest block.
    chain: Zeroizing<[u8; AES_BLOCK_BYTES]>,
    /// Empty only while nothing has come.
    last: Zeroizing<Vec<u8>>,
    /// Whether the chain has a block.
    begun: bool,
}

impl Cmac {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        let mut pending = Zeroizing::new(Vec::with_capacity(self.last.len() + data.len()));
        pending.extend_from_slice(&self.last);
        pending.extend_from_slice(data);
        let keep = match pending.len() % AES_BLOCK_BYTES {
            0 => AES_BLOCK_BYTES.min(pending.len()),
            rest => rest,
        };
        let (chained, last) = pending.split_at(pending.len() - keep);
        if !chained.is_empty() {
            let out = lc_cipher::run(Mode::Cbc, Direction::Encrypt, &self.key, &self.chain, chained);
            let out = out.map_err(Error::internal)?;
            self.chain.copy_from_slice(&out[out.len() - AES_BLOCK_BYTES..]);
            self.begun = true;
        }
        self.last = Zeroizing::new(last.to_vec());
        Ok(())
    }

    /// Puts before the last bytes the one block that would have led to this chain, so that the library's CMAC does the
    /// end, with its two derived keys.
    fn finish(self) -> Result<Zeroizing<Vec<u8>>> {
        if !self.begun {
            return lc::aes_cmac(&self.key, &self.last).map_err(Error::internal);
        }
        let first = lc_cipher::run(Mode::Ecb, Direction::Decrypt, &self.key, &[0; AES_BLOCK_BYTES], &self.chain[..]);
        let first = first.map_err(Error::internal)?;
        let message = Zeroizing::new([&first[..], &self.last[..]].concat());
        lc::aes_cmac(&self.key, &message).map_err(Error::internal)
    }

    /// The chain's block, if there is one, then the last bytes. The last bytes are never more than a block and never
    /// missing when there is a chain, so the length tells which is which.
    fn export(&self) -> Zeroizing<Vec<u8>> {
        let chain: &[u8] = if self.begun { &self.chain[..] } else { &[] };
        Zeroizing::new([chain, &self.last].concat())
    }

    fn import(key: &[u8], state: &[u8]) -> Option<Self> {
        let begun = state.len() > AES_BLOCK_BYTES;
        let (chain_bytes, last) = state.split_at(if begun { AES_BLOCK_BYTES } else { 0 });
        if last.len() > AES_BLOCK_BYTES {
            return None;
        }
        let mut chain = Zeroizing::new([0; AES_BLOCK_BYTES]);
        chain[..chain_bytes.len()].copy_from_slice(chain_bytes);
        Some(Self { key: Zeroizing::new(key.to_vec()), chain, last: Zeroizing::new(last.to_vec()), begun })
    }
}

fn no_parts() -> Error {
    Error::new(ErrorCode::UnsupportedAlgorithm, "GMAC is made over a whole message, not in parts")
}

fn bad_state() -> Error {
    Error::new(ErrorCode::InvalidArgument, "the MAC's state is not one of this algorithm")
}

#[cfg(test)]
mod tests;
