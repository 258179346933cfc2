//! Each hash against its standard's example, and interrupted anywhere.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::crypto::test_vectors::hex;

#[test]
fn every_hash_gives_the_digest_of_abc() {
    // FIPS 180-4 and FIPS 202, NIST's examples with intermediate values.
    for (hash, expected) in [
        (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Hash::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            Hash::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Hash::Sha512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (Hash::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            Hash::Sha3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            Hash::Sha3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ] {
        assert_eq!(digest(hash, &[b"a", b"", b"bc"]), hex(expected), "{hash:?}");
    }
}

#[test]
fn a_state_of_another_length_is_refused() {
    for hash in Hash::ALL {
        let state = start(hash).export();
        assert!(resume(hash, &state).is_some());
        assert!(resume(hash, &state[1..]).is_none());
        assert!(resume(hash, &[&state[..], &[0]].concat()).is_none());
        assert!(resume(hash, &[]).is_none());
    }
}

#[test]
fn a_state_that_counts_more_than_any_message_has_is_refused() {
    // It made sha2 overflow when it came to the end.
    for (hash, count_end) in [(Hash::Sha1, 28), (Hash::Sha256, 40), (Hash::Sha512, 80)] {
        let mut state = start(hash).export();
        state[count_end - 1] = 0x80;
        assert!(resume(hash, &state).is_none());
        state[count_end - 1] = 0;
        state[count_end - 3] = 0x80;
        let mut running = resume(hash, &state).unwrap();
        running.update(&[0; 1000]);
        assert_eq!(running.finish().len(), hash.len());
    }
}

proptest! {
    #[test]
    fn a_hash_goes_on_where_it_was_interrupted(message in vec(any::<u8>(), 0..500), cut in any::<prop::sample::Index>()) {
        for hash in Hash::ALL {
            let (before, after) = message.split_at(cut.index(message.len() + 1));
            let mut running = start(hash);
            running.update(before);
            let mut running = resume(hash, &running.export()).unwrap();
            running.update(after);
            prop_assert_eq!(&*running.finish(), &digest(hash, &[&message]), "{:?}", hash);
        }
    }

    #[test]
    fn no_state_makes_it_panic(fill in vec(any::<u8>(), 300), position: u8) {
        for hash in Hash::ALL {
            // As it is; and made to look like one, with a count that can be and no more of a block than there is.
            let random = &fill[..start(hash).export().len()];
            let mut plausible = random.to_vec();
            let position = position % (hash.block_bytes() as u8);
            let count_end = match hash {
                Hash::Sha1 => 28,
                Hash::Sha224 | Hash::Sha256 => 40,
                Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 80,
                _ => 200,
            };
            plausible[count_end] = position;
            if count_end != 200 {
                plausible[count_end - 2..count_end].fill(0);
                plausible[count_end + 1 + usize::from(position)..].fill(0);
            }
            prop_assert!(resume(hash, &plausible).is_some(), "{:?}", hash);
            for state in [random, &plausible] {
                if let Some(mut running) = resume(hash, state) {
                    running.update(&[1; 300]);
                    prop_assert_eq!(running.finish().len(), hash.len());
                }
            }
        }
    }
}
