//! Hashes, whole and under way. A hash under way can be put into bytes and taken up again, which the MACs of
//! `mac.rs` need.

use sha2::digest::common::hazmat::SerializableState;
use sha2::digest::{Digest, FixedOutputReset};
use softkeep_proto::algorithm::Hash;
use zeroize::{Zeroize, Zeroizing};

/// The digest of these parts, one after the other.
pub fn digest(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    std::mem::take(&mut *secret_digest(hash, parts))
}

/// [`digest`] of what is secret, and so secret itself.
pub fn secret_digest(hash: Hash, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut running = start(hash);
    for part in parts {
        running.update(part);
    }
    running.finish()
}

/// A hash under way.
pub trait Running: Send {
    /// Takes the next bytes.
    fn update(&mut self, data: &[u8]);

    /// The digest.
    fn finish(self: Box<Self>) -> Zeroizing<Vec<u8>>;

    /// All that [`resume`] needs to go on from here.
    fn export(&self) -> Zeroizing<Vec<u8>>;
}

impl<D: Digest + FixedOutputReset + SerializableState + Send> Running for D {
    fn update(&mut self, data: &[u8]) {
        Digest::update(self, data);
    }

    fn finish(mut self: Box<Self>) -> Zeroizing<Vec<u8>> {
        // By reference, so that the state is wiped where it is.
        let mut digest = Digest::finalize_reset(&mut *self);
        let out = Zeroizing::new(digest.to_vec());
        digest.as_mut_slice().zeroize();
        out
    }

    fn export(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.serialize().to_vec())
    }
}

/// Starts a hash.
pub fn start(hash: Hash) -> Box<dyn Running> {
    match hash {
        Hash::Sha1 => Box::new(sha1::Sha1::new()),
        Hash::Sha224 => Box::new(sha2::Sha224::new()),
        Hash::Sha256 => Box::new(sha2::Sha256::new()),
        Hash::Sha384 => Box::new(sha2::Sha384::new()),
        Hash::Sha512 => Box::new(sha2::Sha512::new()),
        Hash::Sha512_224 => Box::new(sha2::Sha512_224::new()),
        Hash::Sha512_256 => Box::new(sha2::Sha512_256::new()),
        Hash::Sha3_224 => Box::new(sha3::Sha3_224::new()),
        Hash::Sha3_256 => Box::new(sha3::Sha3_256::new()),
        Hash::Sha3_384 => Box::new(sha3::Sha3_384::new()),
        Hash::Sha3_512 => Box::new(sha3::Sha3_512::new()),
    }
}

/// Goes on from a state that [`Running::export`] gave for the same hash; `None` if it is not one.
pub fn resume(hash: Hash, state: &[u8]) -> Option<Box<dyn Running>> {
    if !has_real_count(hash, state) {
        return None;
    }
    match hash {
        Hash::Sha1 => resume_as::<sha1::Sha1>(state),
        Hash::Sha224 => resume_as::<sha2::Sha224>(state),
        Hash::Sha256 => resume_as::<sha2::Sha256>(state),
        Hash::Sha384 => resume_as::<sha2::Sha384>(state),
        Hash::Sha512 => resume_as::<sha2::Sha512>(state),
        Hash::Sha512_224 => resume_as::<sha2::Sha512_224>(state),
        Hash::Sha512_256 => resume_as::<sha2::Sha512_256>(state),
        Hash::Sha3_224 => resume_as::<sha3::Sha3_224>(state),
        Hash::Sha3_256 => resume_as::<sha3::Sha3_256>(state),
        Hash::Sha3_384 => resume_as::<sha3::Sha3_384>(state),
        Hash::Sha3_512 => resume_as::<sha3::Sha3_512>(state),
    }
}

/// Whether the number of blocks so far, little-endian after the chaining value, is one that a message can have. The
/// libraries count bits with it in the end and do not expect an overflow.
fn has_real_count(hash: Hash, state: &[u8]) -> bool {
    let count = match hash {
        Hash::Sha1 => 20..28,
        Hash::Sha224 | Hash::Sha256 => 32..40,
        Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 64..80,
        // A sponge does not count.
        Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => return true,
    };
    state.get(count).is_some_and(|count| count.ends_with(&[0, 0]))
}

fn resume_as<D: Running + SerializableState + 'static>(state: &[u8]) -> Option<Box<dyn Running>> {
    let state = state.try_into().ok()?;
    Some(Box::new(D::deserialize(state).ok()?))
}

#[cfg(test)]
mod tests;
