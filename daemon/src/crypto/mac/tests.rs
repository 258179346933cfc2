//! Each MAC against its standard's examples, against RustCrypto over random inputs, and in parts.

use hmac::{KeyInit as _, Mac as _, SimpleHmac};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Mac, *};
use crate::crypto::test_vectors::{code, hex};

/// The whole message at once, in two parts, and in two parts with the state put away between.
fn check_example(kind: &Mac, key: &str, message: &str, expected: &str) {
    let (key, message, expected) = (hex(key), hex(message), hex(expected));
    assert_eq!(*mac(kind, &key, &message).unwrap(), expected, "{kind:?}");
    for cut in 0..=message.len() {
        assert_eq!(*in_parts(kind, &key, &[&message[..cut], &message[cut..]]), expected, "{kind:?} {cut}");
    }
}

fn in_parts(kind: &Mac, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut state = MacState::new(kind, key).unwrap();
    for part in parts {
        state.update(part).unwrap();
        state = MacState::import(kind, key, &state.export()).unwrap();
    }
    state.finish().unwrap()
}

#[test]
fn hmac_gives_the_examples_of_rfc_2202_and_rfc_4231() {
    // Test cases 1 and 6 (a key longer than a block).
    let (key, message) = ("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265");
    let long_key = "aa".repeat(131);
    let long_message =
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374";
    check_example(&Mac::Hmac(Hash::Sha1), key, message, "b617318655057264e28bc0b6fb378c8ef146be00");
    check_example(&Mac::Hmac(Hash::Sha224), key, message, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22");
    check_example(
        &Mac::Hmac(Hash::Sha256),
        key,
        message,
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    check_example(
        &Mac::Hmac(Hash::Sha384),
        key,
        message,
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
    );
    check_example(
        &Mac::Hmac(Hash::Sha512),
        key,
        message,
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
         daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    );
    check_example(
        &Mac::Hmac(Hash::Sha256),
        &long_key,
        long_message,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
    check_example(
        &Mac::Hmac(Hash::Sha512),
        &long_key,
        long_message,
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
         6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    );
}

#[test]
fn cmac_gives_the_examples_of_sp_800_38b() {
    // Appendix D: for each key the empty message, one block, two and a half, and four.
    let text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
        30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        .replace(char::is_whitespace, "");
    for (key, expected) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                (0, "bb1d6929e95937287fa37d129b756746"),
                (16, "070a16b46b4d4144f79bdd9dd04a287c"),
                (40, "dfa66747de9ae63030ca32611497c827"),
                (64, "51f0bebf7e3b9d92fc49741779363cfe"),
            ],
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            [
                (0, "d17ddf46adaacde531cac483de7a9367"),
                (16, "9e99a7bf31e710900662f65e617c5184"),
                (40, "8a1de5be2eb31aad089a82e6ee908b0e"),
                (64, "a1d5df0eed790f794d77589659f39a11"),
            ],
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            [
                (0, "028962f61b7bf89efc6b551f4667d983"),
                (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
                (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
                (64, "e1992190549f6ed5696a2c056c315410"),
            ],
        ),
    ] {
        for (len, expected) in expected {
            check_example(&Mac::AesCmac, key, &text[..2 * len], expected);
        }
    }
}

#[test]
fn gmac_is_gcm_without_a_plaintext() {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 1: no plaintext, no additional data.
    let gmac = Mac::AesGmac { iv: vec![0; 12] };
    assert_eq!(*mac(&gmac, &[0; 16], &[]).unwrap(), hex("58e2fccefa7e3061367f1d57a4e7455a"));
    assert_eq!(code(mac(&Mac::AesGmac { iv: vec![] }, &[0; 16], &[])), ErrorCode::InvalidParameters);
    assert_eq!(code(mac(&gmac, &[0; 15], &[])), ErrorCode::KeyTypeMismatch);
}

#[test]
fn gmac_has_no_parts() {
    let gmac = Mac::AesGmac { iv: vec![0; 12] };
    assert_eq!(code(MacState::new(&gmac, &[0; 16])), ErrorCode::UnsupportedAlgorithm);
    assert_eq!(code(MacState::import(&gmac, &[0; 16], &[])), ErrorCode::UnsupportedAlgorithm);
}

#[test]
fn a_key_that_aes_has_not_is_refused() {
    for len in (0..40).filter(|len| !matches!(len, 16 | 24 | 32)) {
        assert_eq!(code(mac(&Mac::AesCmac, &vec![1; len], b"m")), ErrorCode::KeyTypeMismatch);
        assert_eq!(code(MacState::new(&Mac::AesCmac, &vec![1; len])), ErrorCode::KeyTypeMismatch);
        assert_eq!(code(MacState::import(&Mac::AesCmac, &vec![1; len], &[])), ErrorCode::KeyTypeMismatch);
    }
}

#[test]
fn a_state_that_cannot_be_one_is_refused() {
    for hash in Hash::ALL {
        let state = MacState::new(&Mac::Hmac(hash), b"key").unwrap().export();
        assert_eq!(code(MacState::import(&Mac::Hmac(hash), b"key", &state[1..])), ErrorCode::InvalidArgument);
    }
    assert_eq!(code(MacState::import(&Mac::AesCmac, &[1; 16], &[0; 33])), ErrorCode::InvalidArgument);
}

#[test]
fn the_front_of_a_mac_matches_and_nothing_else() {
    for len in 1..=4 {
        assert!(matches(&[1, 2, 3, 4], &[1, 2, 3, 4][..len]));
    }
    for sent in [&[][..], &[2], &[1, 2, 3, 5], &[1, 2, 3, 4, 5], &[0, 2, 3, 4]] {
        assert!(!matches(&[1, 2, 3, 4], sent), "{sent:?}");
    }
}

fn by_rustcrypto(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    macro_rules! hmac {
        ($hash:ty) => {
            SimpleHmac::<$hash>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
        };
    }
    match hash {
        Hash::Sha1 => hmac!(sha1::Sha1),
        Hash::Sha224 => hmac!(sha2::Sha224),
        Hash::Sha256 => hmac!(sha2::Sha256),
        Hash::Sha384 => hmac!(sha2::Sha384),
        Hash::Sha512 => hmac!(sha2::Sha512),
        Hash::Sha512_224 => hmac!(sha2::Sha512_224),
        Hash::Sha512_256 => hmac!(sha2::Sha512_256),
        Hash::Sha3_224 => hmac!(sha3::Sha3_224),
        Hash::Sha3_256 => hmac!(sha3::Sha3_256),
        Hash::Sha3_384 => hmac!(sha3::Sha3_384),
        Hash::Sha3_512 => hmac!(sha3::Sha3_512),
    }
}

proptest! {
    #[test]
    fn hmac_is_what_rustcrypto_says(key in vec(any::<u8>(), 0..300), parts in vec(vec(any::<u8>(), 0..200), 0..4)) {
        let message = parts.concat();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        for hash in Hash::ALL {
            let expected = by_rustcrypto(hash, &key, &message);
            prop_assert_eq!(&*mac(&Mac::Hmac(hash), &key, &message).unwrap(), &expected, "{:?}", hash);
            prop_assert_eq!(&*in_parts(&Mac::Hmac(hash), &key, &parts), &expected, "{:?}", hash);
        }
    }

    #[test]
    fn cmac_is_what_rustcrypto_says(key: [u8; 32], parts in vec(vec(any::<u8>(), 0..70), 0..5)) {
        let message = parts.concat();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        macro_rules! check {
            ($aes:ty, $key:expr) => {
                let expected = cmac::Cmac::<$aes>::new_from_slice($key).unwrap();
                let expected = expected.chain_update(&message).finalize().into_bytes().to_vec();
                prop_assert_eq!(&*mac(&Mac::AesCmac, $key, &message).unwrap(), &expected);
                prop_assert_eq!(&*in_parts(&Mac::AesCmac, $key, &parts), &expected);
            };
        }
        check!(aes::Aes128, &key[..16]);
        check!(aes::Aes192, &key[..24]);
        check!(aes::Aes256, &key[..]);
    }
}
