//! The same ciphers by RustCrypto, over random keys, parameters and lengths.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::consts::{U4, U7, U8, U10, U12, U13, U14, U16};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::crypto::cipher::{Cipher, encrypt};

/// Runs an expression with `$aes` standing for AES of this key's length.
macro_rules! with_aes {
    ($key:expr, $aes:ident => $run:expr) => {
        match $key.len() {
            16 => {
                type $aes = Aes128;
                $run
            }
            24 => {
                type $aes = Aes192;
                $run
            }
            _ => {
                type $aes = Aes256;
                $run
            }
        }
    };
}

fn aes_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 16), vec(any::<u8>(), 24), vec(any::<u8>(), 32)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..300)
}

proptest! {
    #[test]
    fn cbc(key in aes_key(), iv: [u8; 16], text in text()) {
        let padded = with_aes!(key, Aes =>
            cbc::Encryptor::<Aes>::new_from_slices(&key, &iv).unwrap().encrypt_padded_vec::<Pkcs7>(&text));
        prop_assert_eq!(encrypt(&Cipher::AesCbcPad { iv }, &key, &text).unwrap(), padded);
        let blocks = &text[..text.len() / 16 * 16];
        let bare = with_aes!(key, Aes =>
            cbc::Encryptor::<Aes>::new_from_slices(&key, &iv).unwrap().encrypt_padded_vec::<NoPadding>(blocks));
        prop_assert_eq!(encrypt(&Cipher::AesCbc { iv }, &key, blocks).unwrap(), bare);
    }

    #[test]
    fn ctr(key in aes_key(), mut block: [u8; 16], text in text()) {
        // So that neither counter overflows: that is where this library wraps and we refuse.
        block[12] &= 0x7f;
        let by = |run: fn(&[u8], &[u8], &mut [u8])| {
            let mut out = text.clone();
            run(&key, &block, &mut out);
            out
        };
        let whole = by(|key, block, out| with_aes!(key, Aes =>
            ctr::Ctr128BE::<Aes>::new_from_slices(key, block).unwrap().apply_keystream(out)));
        prop_assert_eq!(&encrypt(&Cipher::AesCtr { block, counter_bits: 127 }, &key, &text).unwrap(), &whole);
        let low = by(|key, block, out| with_aes!(key, Aes =>
            ctr::Ctr32BE::<Aes>::new_from_slices(key, block).unwrap().apply_keystream(out)));
        prop_assert_eq!(&encrypt(&Cipher::AesCtr { block, counter_bits: 32 }, &key, &text).unwrap(), &low);
    }

    #[test]
    fn gcm(key in aes_key(), iv: [u8; 16], aad in text(), text in text()) {
        let payload = || Payload { msg: &text, aad: &aad };
        macro_rules! check {
            ($iv_len:ident, $tag_len:ident, $iv_bytes:expr, $tag_bytes:expr) => {
                let expected = with_aes!(key, Aes => aes_gcm::AesGcm::<Aes, $iv_len, $tag_len>::new_from_slice(&key).unwrap()
                    .encrypt(iv[..$iv_bytes].try_into().unwrap(), payload()).unwrap());
                let cipher = Cipher::AesGcm { iv: iv[..$iv_bytes].to_vec(), aad: aad.clone(), tag_bytes: $tag_bytes };
                prop_assert_eq!(encrypt(&cipher, &key, &text).unwrap(), expected);
            };
        }
        check!(U12, U16, 12, 16);
        check!(U12, U12, 12, 12);
        check!(U12, U14, 12, 14);
        check!(U7, U13, 7, 13);
        check!(U16, U16, 16, 16);
    }

    #[test]
    fn ccm(key in aes_key(), nonce: [u8; 13], aad in text(), text in text()) {
        let payload = || Payload { msg: &text, aad: &aad };
        macro_rules! check {
            ($nonce_len:ident, $mac_len:ident, $nonce_bytes:expr, $mac_bytes:expr) => {
                let expected = with_aes!(key, Aes => ccm::Ccm::<Aes, $mac_len, $nonce_len>::new_from_slice(&key).unwrap()
                    .encrypt(nonce[..$nonce_bytes].try_into().unwrap(), payload()).unwrap());
                let nonce = nonce[..$nonce_bytes].to_vec();
                let cipher = Cipher::AesCcm { nonce, aad: aad.clone(), mac_bytes: $mac_bytes };
                prop_assert_eq!(encrypt(&cipher, &key, &text).unwrap(), expected);
            };
        }
        check!(U7, U16, 7, 16);
        check!(U8, U4, 8, 4);
        check!(U12, U8, 12, 8);
        check!(U13, U10, 13, 10);
        check!(U13, U14, 13, 14);
    }

    #[test]
    fn key_wrap(key in aes_key(), text in vec(any::<u8>(), 16..300)) {
        // Each time a clean buffer: aes-kw 0.3.1 takes what is in it for the padding.
        let blocks = &text[..text.len() / 8 * 8];
        let expected = with_aes!(key, Aes =>
            aes_kw::AesKw::<Aes>::new_from_slice(&key).unwrap().wrap_key(blocks, &mut [0; 400]).unwrap().to_vec());
        prop_assert_eq!(encrypt(&Cipher::AesKw { iv: None }, &key, blocks).unwrap(), expected);
        for text in [&text[..], &text[..text.len() % 16 + 1]] {
            let expected = with_aes!(key, Aes =>
                aes_kw::AesKwp::<Aes>::new_from_slice(&key).unwrap().wrap_key(text, &mut [0; 400]).unwrap().to_vec());
            for iv in [None, Some([0xa6, 0x59, 0x59, 0xa6])] {
                prop_assert_eq!(&encrypt(&Cipher::AesKwp { iv }, &key, text).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn chacha20(key: [u8; 32], nonce: [u8; 12], counter: u32, text in text()) {
        let counter = counter & 0xffff_ff00;
        let mut expected = text.clone();
        let mut stream = chacha20::ChaCha20::new(&key.into(), &nonce.into());
        stream.seek(u64::from(counter) * 64);
        stream.apply_keystream(&mut expected);
        let cipher = Cipher::ChaCha20 { nonce: nonce.to_vec(), counter: u64::from(counter) };
        prop_assert_eq!(encrypt(&cipher, &key, &text).unwrap(), expected);

        let nonce: [u8; 8] = nonce[..8].try_into().unwrap();
        let mut expected = text.clone();
        let mut stream = chacha20::ChaCha20Legacy::new(&key.into(), &nonce.into());
        stream.seek(u64::from(counter) * 64);
        stream.apply_keystream(&mut expected);
        let cipher = Cipher::ChaCha20 { nonce: nonce.to_vec(), counter: u64::from(counter) };
        prop_assert_eq!(encrypt(&cipher, &key, &text).unwrap(), expected);
    }

    #[test]
    fn chacha20_poly1305(key: [u8; 32], nonce: [u8; 12], aad in text(), text in text()) {
        let expected = chacha20poly1305::ChaCha20Poly1305::new(&key.into())
            .encrypt(&nonce.into(), Payload { msg: &text, aad: &aad }).unwrap();
        prop_assert_eq!(encrypt(&Cipher::ChaCha20Poly1305 { nonce, aad }, &key, &text).unwrap(), expected);
    }
}
