//! The selection itself, and whether it takes the same time.

use std::time::Instant;

use super::super::key_parts::{PrivateParts, parts_of};
use super::super::{AwsLc, Backend as _, fill_random};
use super::*;
use softkeep_proto::algorithm::{EncryptScheme, KeyType};

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

/// Measures two kinds of input in random order.
fn measure(rounds: usize, mut run: impl FnMut(usize)) -> f64 {
    let mut samples = [Vec::new(), Vec::new()];
    let mut order = vec![0; rounds];
    fill_random(&mut order).unwrap();
    for byte in order {
        let class = usize::from(byte & 1);
        let start = Instant::now();
        run(class);
        samples[class].push(start.elapsed().as_nanos() as f64);
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
        let blocks = [good.clone(), other];
        let t = measure(100_000, |class| drop(std::hint::black_box(key.unpad_to_len(&[3; K], &blocks[class], 32))));
        println!("{name}: t = {t:.2}");
        assert!(t.abs() < 10.0, "{name}: t = {t}");
    }
}

/// The whole decryption with the default backend: a pool of ciphertexts of each kind, so that no single number's
/// arithmetic decides.
#[test]
#[ignore = "statistical"]
fn timing_of_the_decryption() {
    const POOL: usize = 64;
    let pkcs8 = AwsLc.generate(KeyType::Rsa(2048)).unwrap();
    let spki = super::super::key_info::public_info_of_private(&pkcs8).unwrap().spki_der;
    let (private, public) = (AwsLc.open(&pkcs8).unwrap(), AwsLc.open_public(&spki).unwrap());
    assert!(matches!(parts_of(&pkcs8).unwrap(), PrivateParts::Rsa { .. }));
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
    let mut round = 0;
    let t = measure(20_000, |class| {
        round += 1;
        let ciphertext = &pools[class][round % POOL];
        drop(std::hint::black_box(private.decrypt_pkcs1_to_len(ciphertext, 32).unwrap()));
    });
    println!("t = {t:.2}");
    assert!(t.abs() < 10.0, "t = {t}");
}
