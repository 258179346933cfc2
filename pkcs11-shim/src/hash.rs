//! Hashing, all local (ADR 0002): a message never travels to the daemon. No keyed hash lives here.

use digest::Digest;
use softkeep_proto::algorithm::Hash;

/// A digest under way.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Hasher {
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Of nothing yet.
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(Digest::new()),
            Hash::Sha224 => Self::Sha224(Digest::new()),
            Hash::Sha256 => Self::Sha256(Digest::new()),
            Hash::Sha384 => Self::Sha384(Digest::new()),
            Hash::Sha512 => Self::Sha512(Digest::new()),
        }
    }

    /// Takes in more of the message.
    pub fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha1(state) => state.update(data),
            Self::Sha224(state) => state.update(data),
            Self::Sha256(state) => state.update(data),
            Self::Sha384(state) => state.update(data),
            Self::Sha512(state) => state.update(data),
        }
    }

    /// The digest.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(state) => state.finalize().to_vec(),
            Self::Sha224(state) => state.finalize().to_vec(),
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha384(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
        }
    }
}

/// The digest of a whole message, given in parts.
pub fn digest(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}
