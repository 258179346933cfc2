//! Hashing, all local (ADR 0002): a message never travels to the daemon. No keyed hash lives here.

use digest::{Digest, common::hazmat::SerializableState};
use softkeep_proto::algorithm::Hash;

macro_rules! hashers {
    ($($name:ident = $library:path,)*) => {
        /// A digest under way.
        #[derive(Clone)]
        #[allow(missing_docs)]
        pub enum Hasher {
            $($name($library),)*
        }

        impl Hasher {
            /// Of nothing yet.
            pub fn new(hash: Hash) -> Self {
                match hash {
                    $(Hash::$name => Self::$name(Digest::new()),)*
                }
            }

            /// Which hash it is.
            pub fn hash(&self) -> Hash {
                match self {
                    $(Self::$name(_) => Hash::$name,)*
                }
            }

            /// Takes in more of the message.
            pub fn update(&mut self, data: &[u8]) {
                match self {
                    $(Self::$name(state) => state.update(data),)*
                }
            }

            /// The digest.
            pub fn finish(self) -> Vec<u8> {
                match self {
                    $(Self::$name(state) => state.finalize().to_vec(),)*
                }
            }

            /// What has been taken in, as bytes for [`restore`](Self::restore).
            pub fn save(&self) -> Vec<u8> {
                match self {
                    $(Self::$name(state) => state.serialize().to_vec(),)*
                }
            }

            /// A digest that goes on where another was saved; None if the bytes are no such state.
            pub fn restore(hash: Hash, saved: &[u8]) -> Option<Self> {
                match hash {
                    $(Hash::$name => {
                        let state = <$library as SerializableState>::deserialize(saved.try_into().ok()?);
                        state.ok().map(Self::$name)
                    })*
                }
            }
        }
    };
}

hashers! {
    Sha1 = sha1::Sha1,
    Sha224 = sha2::Sha224,
    Sha256 = sha2::Sha256,
    Sha384 = sha2::Sha384,
    Sha512 = sha2::Sha512,
    Sha512_224 = sha2::Sha512_224,
    Sha512_256 = sha2::Sha512_256,
    Sha3_224 = sha3::Sha3_224,
    Sha3_256 = sha3::Sha3_256,
    Sha3_384 = sha3::Sha3_384,
    Sha3_512 = sha3::Sha3_512,
}

/// The digest of a whole message, given in parts.
pub fn digest(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_digest_goes_on_where_it_stopped() {
        for hash in Hash::ALL {
            let mut hasher = Hasher::new(hash);
            hasher.update(&[7; 333]);
            let mut restored = Hasher::restore(hash, &hasher.save()).unwrap();
            restored.update(b"rest");
            assert_eq!(restored.hash(), hash);
            assert_eq!(restored.finish(), digest(hash, &[&[7; 333], b"rest"]), "{hash:?}");
            assert!(Hasher::restore(hash, &hasher.save()[1..]).is_none(), "{hash:?}");
        }
    }
}
