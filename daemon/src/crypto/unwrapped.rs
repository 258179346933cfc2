//! What a wrapped blob may turn into: the one entry of the fuzz target `wrapped_key`, and of the test that replays its
//! corpus. Only for them.

use super::{
    cipher::{self, Cipher},
    key_info, key_parts,
};

/// The key that unwraps here: whoever makes a blob may know it.
const KEY: [u8; 32] = [0x42; 32];

/// Unwraps a blob in each way and reads what comes out as a key; and the blob itself, since whoever knows the wrapping
/// key makes any key of it. Nothing may panic.
pub fn survive(blob: &[u8]) {
    let iv = [0; 16];
    for cipher in [
        Cipher::AesKw { iv: None },
        Cipher::AesKwp { iv: None },
        Cipher::AesKwPad { iv: None },
        Cipher::AesCbcPad { iv },
        Cipher::AesGcm { iv: vec![0; 12], aad: Vec::new(), tag_bytes: 16 },
    ] {
        if let Ok(unwrapped) = cipher::decrypt(&cipher, &KEY, blob) {
            read(&unwrapped);
        }
    }
    read(blob);
}

fn read(key: &[u8]) {
    // Refusals are as good as successes here.
    let (_, _, _) = (key_info::check_import(key), key_parts::parts_of(key), key_info::public_info(key));
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;
    use softkeep_proto::algorithm::{Curve, EdwardsCurve, KeyType, MlDsaSet, MlKemSet, MontgomeryCurve};

    use super::*;
    use crate::crypto::{AwsLc, Backend};

    #[test]
    fn the_corpus_is_survived() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/wrapped_key");
        let mut replayed = 0;
        for file in fs::read_dir(corpus).unwrap() {
            survive(&fs::read(file.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 6, "{replayed} files");
    }

    /// Private keys of several types as they are wrapped.
    fn keys() -> Vec<Vec<u8>> {
        let types = [
            KeyType::Ec(Curve::P256),
            KeyType::Ec(Curve::P521),
            KeyType::Edwards(EdwardsCurve::Ed25519),
            KeyType::Montgomery(MontgomeryCurve::X25519),
            KeyType::MlDsa(MlDsaSet::MlDsa44),
            KeyType::MlKem(MlKemSet::MlKem512),
            KeyType::Rsa(2048),
        ];
        types.into_iter().map(|key_type| AwsLc.generate(key_type).unwrap().to_vec()).collect()
    }

    #[test]
    fn a_key_that_is_changed_a_little_is_survived() {
        let keys = keys();
        // How the corpus was begun: UPDATE_CORPUS names its folder.
        if let Some(corpus) = std::env::var_os("UPDATE_CORPUS") {
            for (index, key) in keys.iter().enumerate() {
                let wrapped = cipher::encrypt(&Cipher::AesKwp { iv: None }, &KEY, key).unwrap();
                fs::write(Path::new(&corpus).join(format!("key_{index}")), key).unwrap();
                fs::write(Path::new(&corpus).join(format!("wrapped_{index}")), wrapped).unwrap();
            }
        }
        let mut runner = proptest::test_runner::TestRunner::default();
        let change = (0..keys.len(), any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>());
        runner
            .run(&change, |(which, place, value, end)| {
                let mut key = keys[which].clone();
                let place = place.index(key.len());
                key[place] = value;
                survive(&key);
                key.truncate(end.index(key.len()));
                survive(&key);
                survive(&cipher::encrypt(&Cipher::AesKwp { iv: None }, &KEY, &[&key[..], &[1]].concat()).unwrap());
                Ok(())
            })
            .unwrap();
    }
}
