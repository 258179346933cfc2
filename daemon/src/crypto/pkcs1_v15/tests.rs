//! The selection itself, and whether it takes the same time.

use std::time::Instant;

use softkeep_proto::algorithm::{EncryptScheme, KeyType};

use super::super::key_info::public_info_of_private;
use super::super::{AwsLc, Backend, RustCrypto, fill_random};
use super::*;

const K: usize = 256;

fn key() -> RejectionKey {
    RejectionKey::of(&[7; 200], K)
}

fn block(padding: usize, message: &[u8]) -> Vec<u8> {
    [&[0, 2], &vec![0xaa; padding][..], &[0], message].concat()
}

#[test]
fn the_first_zero_ends_the_padding() {
    let message = [&[0, 0, 5][..], &[9; K - 14]].concat();
    let em = block(8, &message);
    assert_eq!(*key().unpad(&[1; K], &em), message);
    assert_eq!(*key().unpad_to_len(&[1; K], &em, K - 11), message);
    let empty = block(K - 3, b"");
    assert!(key().unpad(&[1; K], &empty).is_empty());
}

/// The lengths of synthetic messages spread over all that are possible, and depend on the ciphertext.
#[test]
fn synthetic_lengths_spread() {
    let key = key();
    let mut lens: Vec<usize> = (0..=255).map(|byte| key.unpad(&[byte; K], &[0; K]).len()).collect();
    lens.sort_unstable();
    assert!(lens.iter().all(|len| *len <= K - 11), "{lens:?}");
    assert!(lens[0] < 20 && lens[255] > K - 11 - 20, "{lens:?}");
    lens.dedup();
    assert!(lens.len() > 100, "{lens:?}");
}

/// Welch's t of two samples, the slowest tenth of both taken out: interrupts, not arithmetic.
fn welch(samples: &mut [Vec<f64>; 2]) -> f64 {
    let mut all: Vec<f64> = samples.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() * 9 / 10];
    let [first, second] = samples.each_mut().map(|sample| {
        sample.retain(|time| *time < limit);
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    });
    (first.0 - second.0) / (first.1 + second.1).sqrt()
}

/// Measures two kinds of input in random order. Each is copied to the same place before: where two inputs lie in memory
/// makes more difference than what they hold.
fn measure(rounds: usize, pools: &[Vec<Vec<u8>>; 2], mut run: impl FnMut(&[u8])) -> f64 {
    let mut samples = [Vec::new(), Vec::new()];
    let mut order = vec![0; rounds];
    fill_random(&mut order).unwrap();
    let mut input = vec![0; K];
    for (round, byte) in order.into_iter().enumerate() {
        let class = usize::from(byte & 1);
        let pool = &pools[class];
        input.copy_from_slice(&pool[round % pool.len()]);
        let start = Instant::now();
        run(&input);
        let time = start.elapsed().as_nanos() as f64;
        // The first tenth warms caches and clocks.
        if round > rounds / 10 {
            samples[class].push(time);
        }
    }
    welch(&mut samples)
}

/// As dudect does it (Reparaz, Balasch, Verbauwhede 2017): above 10 a difference is sure, and nothing is sure below.
/// Statistical, so not in every run: `cargo nextest run --run-ignored only -- timing`.
#[test]
#[ignore = "statistical"]
fn timing_of_the_selection() {
    let key = key();
    let good = block(K - 3 - 32, &[9; 32]);
    let mut bad = good.clone();
    bad[1] = 1;
    let mut no_end = vec![0xaa; K];
    no_end[..2].copy_from_slice(&[0, 2]);
    // Of one length, so that nothing but the verdict differs.
    for (name, other) in [("wrong block type", bad), ("no end of the padding", no_end), ("all zeros", vec![0; K])] {
        let pools = [vec![good.clone()], vec![other]];
        let t = measure(300_000, &pools, |em| drop(std::hint::black_box(key.unpad_to_len(&[3; K], em, 32))));
        println!("{name}: t = {t:.2}");
        assert!(t.abs() < 10.0, "{name}: t = {t}");
    }
}

/// The whole decryption, in both backends: a pool of ciphertexts of each kind, so that no single number's arithmetic
/// decides. The verdict is about the default backend.
#[test]
#[ignore = "statistical"]
fn timing_of_the_decryption() {
    const POOL: usize = 64;
    let pkcs8 = AwsLc.generate(KeyType::Rsa(2048)).unwrap();
    let spki = public_info_of_private(&pkcs8).unwrap().spki_der;
    let public = AwsLc.open_public(&spki).unwrap();
    let pool = |block_type: u8| -> Vec<Vec<u8>> {
        let one = |_| {
            let mut em = vec![0; K];
            fill_random(&mut em).unwrap();
            em.iter_mut().for_each(|byte| *byte |= 1);
            (em[0], em[1], em[K - 33]) = (0, block_type, 0);
            public.encrypt(&EncryptScheme::RsaRaw, &em).unwrap()
        };
        (0..POOL).map(one).collect()
    };
    let pools = [pool(2), pool(1)];
    for (backend, rounds) in [(&AwsLc as &dyn Backend, 40_000), (&RustCrypto, 4_000)] {
        let private = backend.open(&pkcs8).unwrap();
        for whole in [false, true] {
            let t = measure(rounds, &pools, |ciphertext| {
                let plaintext = match whole {
                    true => private.decrypt(&EncryptScheme::RsaPkcs1, ciphertext),
                    false => private.decrypt_pkcs1_to_len(ciphertext, 32),
                };
                drop(std::hint::black_box(plaintext.unwrap()));
            });
            println!("{} {}: t = {t:.2}", backend.name(), if whole { "any length" } else { "32 bytes" });
            assert!(t.abs() < 10.0 || backend.name() != "aws-lc", "t = {t}");
        }
    }
}
