//! Each mode at its edges. In `tests/`: against its standard's examples, and against RustCrypto over random inputs.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::crypto::test_vectors::code;

mod examples;
mod second_opinion;

#[test]
fn ctr_counts_as_far_as_its_bits_and_no_further() {
    // PKCS#11 3.2 section 6.11: with two bits that begin at 1, three blocks can be processed.
    let key = [7; 16];
    let from = |counter_bits, low| {
        let mut block = [0xab; 16];
        block[15] = low;
        Cipher::AesCtr { block, counter_bits }
    };
    assert_eq!(encrypt(&from(2, 1), &key, &[0; 48]).unwrap().len(), 48);
    assert_eq!(code(encrypt(&from(2, 1), &key, &[0; 49])), ErrorCode::InvalidLength);
    assert_eq!(code(decrypt(&from(2, 1), &key, &[0; 64])), ErrorCode::InvalidLength);
    assert_eq!(encrypt(&from(2, 3), &key, &[0; 16]).unwrap().len(), 16);
    assert_eq!(encrypt(&from(2, 3), &key, &[]).unwrap().len(), 0);
    let last = Cipher::AesCtr { block: [0xff; 16], counter_bits: 128 };
    assert_eq!(encrypt(&last, &key, &[0; 16]).unwrap().len(), 16);
    assert_eq!(code(encrypt(&last, &key, &[0; 17])), ErrorCode::InvalidLength);
    for counter_bits in [0, 129] {
        assert_eq!(code(encrypt(&from(counter_bits, 0), &key, &[0; 16])), ErrorCode::InvalidParameters);
    }
}

#[test]
fn chacha20_counts_over_32_bits_or_refuses() {
    let key = [9; 32];
    let at = |nonce: &[u8], counter| Cipher::ChaCha20 { nonce: nonce.to_vec(), counter };
    let long = [1, 2, 3, 4, 5, 6, 7, 8];
    // Over the edge between the halves of the long counter: the same as its two sides apart.
    let whole = encrypt(&at(&long, 0xffff_ffff), &key, &[0; 200]).unwrap();
    assert_eq!(whole[..64], encrypt(&at(&long, 0xffff_ffff), &key, &[0; 64]).unwrap());
    assert_eq!(whole[64..], encrypt(&at(&long, 0x1_0000_0000), &key, &[0; 136]).unwrap());
    assert_eq!(code(encrypt(&at(&long, u64::MAX), &key, &[0; 65])), ErrorCode::InvalidLength);
    assert_eq!(code(encrypt(&at(&[0; 12], 0xffff_ffff), &key, &[0; 65])), ErrorCode::InvalidLength);
    assert_eq!(code(encrypt(&at(&[0; 12], 0x1_0000_0000), &key, &[0; 1])), ErrorCode::InvalidParameters);
    assert_eq!(code(encrypt(&at(&[0; 24], 0), &key, &[0; 1])), ErrorCode::InvalidParameters);
}

/// One of each, with what AES or ChaCha20 wants for a key.
fn every_cipher() -> Vec<(Cipher, usize)> {
    let (iv, aad) = ([3; 16], vec![5; 20]);
    vec![
        (Cipher::AesEcb, 16),
        (Cipher::AesCbc { iv }, 24),
        (Cipher::AesCbcPad { iv }, 32),
        (Cipher::AesCtr { block: iv, counter_bits: 32 }, 16),
        (Cipher::AesGcm { iv: vec![1; 12], aad: aad.clone(), tag_bytes: 16 }, 24),
        (Cipher::AesGcm { iv: vec![1; 256], aad: vec![], tag_bytes: 4 }, 32),
        (Cipher::AesCcm { nonce: vec![1; 7], aad: aad.clone(), mac_bytes: 16 }, 16),
        (Cipher::AesCcm { nonce: vec![1; 13], aad: vec![], mac_bytes: 4 }, 24),
        (Cipher::AesKw { iv: None }, 32),
        (Cipher::AesKw { iv: Some([1; 8]) }, 16),
        (Cipher::AesKwp { iv: None }, 24),
        (Cipher::AesKwp { iv: Some([1; 4]) }, 32),
        (Cipher::AesKwPad { iv: None }, 16),
        (Cipher::AesKwPad { iv: Some([1; 8]) }, 24),
        (Cipher::ChaCha20Poly1305 { nonce: [1; 12], aad }, 32),
        (Cipher::ChaCha20 { nonce: vec![1; 12], counter: 0 }, 32),
        (Cipher::ChaCha20 { nonce: vec![1; 8], counter: 0xffff_fffe }, 32),
    ]
}

/// Whether a plaintext of this length can be encrypted at all.
fn takes(cipher: &Cipher, len: usize) -> bool {
    match cipher {
        Cipher::AesEcb | Cipher::AesCbc { .. } => len.is_multiple_of(16),
        Cipher::AesKw { .. } => len.is_multiple_of(8) && len >= 16,
        Cipher::AesKwp { .. } => len >= 1,
        Cipher::AesKwPad { .. } => len >= 8,
        _ => true,
    }
}

/// Whether changing the ciphertext must be noticed.
fn authenticates(cipher: &Cipher) -> bool {
    !matches!(
        cipher,
        Cipher::AesEcb
            | Cipher::AesCbc { .. }
            | Cipher::AesCbcPad { .. }
            | Cipher::AesCtr { .. }
            | Cipher::ChaCha20 { .. }
    )
}

#[test]
fn every_length_comes_back_or_is_refused() {
    for (cipher, key_bytes) in every_cipher() {
        let key = vec![0x42; key_bytes];
        for len in 0..=100 {
            let text: Vec<u8> = (0..len as u8).collect();
            let result = encrypt(&cipher, &key, &text);
            if takes(&cipher, len) {
                assert_eq!(*decrypt(&cipher, &key, &result.unwrap()).unwrap(), text, "{cipher:?} {len}");
            } else {
                assert_eq!(code(result), ErrorCode::InvalidLength, "{cipher:?} {len}");
            }
        }
    }
}

#[test]
fn a_key_of_the_wrong_length_is_refused() {
    for (cipher, _) in every_cipher() {
        let fits = |len| match cipher {
            Cipher::ChaCha20 { .. } | Cipher::ChaCha20Poly1305 { .. } => len == 32,
            _ => matches!(len, 16 | 24 | 32),
        };
        for len in (0..=40).filter(|&len| !fits(len)) {
            assert_eq!(code(encrypt(&cipher, &vec![1; len], &[0; 16])), ErrorCode::KeyTypeMismatch);
            assert_eq!(code(decrypt(&cipher, &vec![1; len], &[0; 32])), ErrorCode::KeyTypeMismatch);
        }
    }
}

#[test]
fn a_ciphertext_of_an_impossible_length_is_refused() {
    let key = [1; 16];
    for len in (0..100).filter(|len| len % 16 != 0) {
        assert_eq!(code(decrypt(&Cipher::AesEcb, &key, &vec![0; len])), ErrorCode::InvalidLength);
        assert_eq!(code(decrypt(&Cipher::AesCbc { iv: [0; 16] }, &key, &vec![0; len])), ErrorCode::InvalidLength);
        assert_eq!(code(decrypt(&Cipher::AesCbcPad { iv: [0; 16] }, &key, &vec![0; len])), ErrorCode::InvalidLength);
    }
    assert_eq!(code(decrypt(&Cipher::AesCbcPad { iv: [0; 16] }, &key, &[])), ErrorCode::InvalidLength);
    for len in (0..100).filter(|len| len % 8 != 0 || *len < 24) {
        assert_eq!(code(decrypt(&Cipher::AesKw { iv: None }, &key, &vec![0; len])), ErrorCode::InvalidLength);
        assert_eq!(code(decrypt(&Cipher::AesKwPad { iv: None }, &key, &vec![0; len])), ErrorCode::InvalidLength);
        if len != 16 {
            assert_eq!(code(decrypt(&Cipher::AesKwp { iv: None }, &key, &vec![0; len])), ErrorCode::InvalidLength);
            assert_eq!(
                code(decrypt(&Cipher::AesKwp { iv: Some([0; 4]) }, &key, &vec![0; len])),
                ErrorCode::InvalidLength
            );
        }
    }
    // Shorter than the tag: as wrong as a wrong tag.
    let gcm = Cipher::AesGcm { iv: vec![1; 12], aad: vec![], tag_bytes: 16 };
    let ccm = Cipher::AesCcm { nonce: vec![1; 12], aad: vec![], mac_bytes: 16 };
    let chacha = Cipher::ChaCha20Poly1305 { nonce: [1; 12], aad: vec![] };
    for len in 0..16 {
        assert_eq!(code(decrypt(&gcm, &key, &vec![0; len])), ErrorCode::DecryptFailed);
        assert_eq!(code(decrypt(&ccm, &key, &vec![0; len])), ErrorCode::DecryptFailed);
        assert_eq!(code(decrypt(&chacha, &[1; 32], &vec![0; len])), ErrorCode::DecryptFailed);
    }
}

#[test]
fn parameters_outside_the_standards_are_refused() {
    let refused = |cipher: Cipher| {
        assert_eq!(code(encrypt(&cipher, &[1; 16], &[0; 16])), ErrorCode::InvalidParameters, "{cipher:?}");
        assert_eq!(code(decrypt(&cipher, &[1; 16], &[0; 32])), ErrorCode::InvalidParameters, "{cipher:?}");
    };
    for tag_bytes in [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 17, usize::MAX] {
        refused(Cipher::AesGcm { iv: vec![1; 12], aad: vec![], tag_bytes });
    }
    for iv_bytes in [0, 257] {
        refused(Cipher::AesGcm { iv: vec![1; iv_bytes], aad: vec![], tag_bytes: 16 });
    }
    for mac_bytes in [0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 18] {
        refused(Cipher::AesCcm { nonce: vec![1; 12], aad: vec![], mac_bytes });
    }
    for nonce_bytes in [0, 6, 14, 15] {
        refused(Cipher::AesCcm { nonce: vec![1; nonce_bytes], aad: vec![], mac_bytes: 16 });
    }
}

#[test]
fn a_long_nonce_of_ccm_leaves_room_for_short_messages_only() {
    let key = [1; 16];
    let ccm = |nonce_bytes| Cipher::AesCcm { nonce: vec![1; nonce_bytes], aad: vec![], mac_bytes: 8 };
    assert_eq!(encrypt(&ccm(13), &key, &[0; 0xffff]).unwrap().len(), 0xffff + 8);
    assert_eq!(code(encrypt(&ccm(13), &key, &[0; 0x1_0000])), ErrorCode::InvalidLength);
    assert_eq!(encrypt(&ccm(12), &key, &[0; 0x1_0000]).unwrap().len(), 0x1_0000 + 8);
}

#[test]
fn every_wrong_padding_is_the_same_failure() {
    let (key, iv) = ([1; 16], [2; 16]);
    let padded = |last: &[u8]| {
        let mut block = [0x77; 16];
        block[16 - last.len()..].copy_from_slice(last);
        encrypt(&Cipher::AesCbc { iv }, &key, &block).unwrap()
    };
    for last in [&[0][..], &[17], &[2], &[1, 2], &[3, 2, 3], &[0xff]] {
        let error = decrypt(&Cipher::AesCbcPad { iv }, &key, &padded(last)).err().unwrap();
        assert_eq!(error.to_string(), Error::decrypt_failed().to_string());
    }
    assert_eq!(*decrypt(&Cipher::AesCbcPad { iv }, &key, &padded(&[1])).unwrap(), [0x77; 15]);
    // The same for padding inside a key wrap: it is genuine, but no padding.
    for last in [0, 9, 0xff] {
        let mut text = [0x77; 24];
        text[23] = last;
        let wrapped = encrypt(&Cipher::AesKw { iv: None }, &key, &text).unwrap();
        assert_eq!(code(decrypt(&Cipher::AesKwPad { iv: None }, &key, &wrapped)), ErrorCode::DecryptFailed);
    }
}

#[test]
fn padded_key_wrap_refuses_padding_that_is_not_zero() {
    // RFC 5649 section 3: what is genuine but claims seven bytes where the eighth is not zero.
    for iv in [[0xa6, 0x59, 0x59, 0xa6], [1, 2, 3, 4]] {
        let initial = [&iv[..], &[0, 0, 0, 15]].concat().try_into().unwrap();
        let wrapped = encrypt(&Cipher::AesKw { iv: Some(initial) }, &[1; 16], &[0x55; 16]).unwrap();
        for cipher in [Cipher::AesKwp { iv: None }, Cipher::AesKwp { iv: Some(iv) }] {
            assert_eq!(code(decrypt(&cipher, &[1; 16], &wrapped)), ErrorCode::DecryptFailed);
        }
    }
}

proptest! {
    #[test]
    fn a_changed_bit_is_noticed(text in vec(any::<u8>(), 0..200), bit in any::<prop::sample::Index>()) {
        for (cipher, key_bytes) in every_cipher().into_iter().filter(|(cipher, _)| authenticates(cipher)) {
            let key = vec![0x42; key_bytes];
            let text = &text[..text.len() / 8 * 8];
            if !takes(&cipher, text.len()) {
                continue;
            }
            let mut ciphertext = encrypt(&cipher, &key, text).unwrap();
            let bit = bit.index(8 * ciphertext.len());
            ciphertext[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(code(decrypt(&cipher, &key, &ciphertext)), ErrorCode::DecryptFailed, "{:?}", cipher);
        }
    }

    #[test]
    fn no_ciphertext_makes_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        for (cipher, key_bytes) in every_cipher() {
            if let Err(error) = decrypt(&cipher, &vec![0x42; key_bytes], &bytes) {
                prop_assert!(matches!(error.code, ErrorCode::DecryptFailed | ErrorCode::InvalidLength), "{}", error);
            }
        }
    }
}
