//! PKCS#1 v1.5 encryption and the bare RSA operation: wrong paddings give bytes, the same ones in both backends.

use super::*;

const KEY: KeyType = KeyType::Rsa(2048);
const K: usize = 256;

/// A ciphertext of a block that the test chooses.
fn ciphertext_of(block: &[u8]) -> Vec<u8> {
    AwsLc.open_public(&spki(KEY)).unwrap().encrypt(&EncryptScheme::RsaRaw, block).unwrap()
}

fn block(head: &[u8], padding: usize, separator: &[u8]) -> Vec<u8> {
    let head = [head, &vec![0xaa; padding], separator].concat();
    [&head[..], &bytes(K - head.len())].concat()
}

/// Blocks whose padding is wrong in one way each.
fn bad_blocks() -> Vec<Vec<u8>> {
    let mut no_separator = vec![0xaa; K];
    no_separator[..2].copy_from_slice(&[0, 2]);
    vec![
        block(&[1, 2], 8, &[0]),
        block(&[0, 1], 8, &[0]),
        block(&[0, 0], 8, &[0]),
        block(&[0, 2], 7, &[0]),
        block(&[0, 2], 0, &[0]),
        block(&[0, 3], 100, &[0]),
        no_separator,
    ]
}

#[test]
fn what_was_encrypted_comes_back() {
    for key_type in [KEY, KeyType::Rsa(3072)] {
        let k = signature_len(key_type);
        let opened = BACKENDS.map(|backend| open(backend, key_type));
        for (maker, opener) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for len in [0, 1, 32, k - 12, k - 11] {
                let ciphertext = opened[maker].1.encrypt(&EncryptScheme::RsaPkcs1, &bytes(len)).unwrap();
                let private = &opened[opener].0;
                assert_eq!(*private.decrypt(&EncryptScheme::RsaPkcs1, &ciphertext).unwrap(), bytes(len));
                assert_eq!(*private.decrypt_pkcs1_to_len(&ciphertext, len).unwrap(), bytes(len));
            }
            let too_long = opened[maker].1.encrypt(&EncryptScheme::RsaPkcs1, &bytes(k - 10));
            assert_eq!(code(too_long), Some(ErrorCode::InvalidLength));
            let too_long = opened[opener].0.decrypt_pkcs1_to_len(&vec![1; k], k - 10);
            assert_eq!(code(too_long), Some(ErrorCode::InvalidLength));
        }
    }
}

#[test]
fn bad_paddings_give_the_same_bytes_everywhere() {
    let opened = BACKENDS.map(|backend| open(backend, KEY).0);
    let mut seen = std::collections::HashSet::new();
    for (index, block) in bad_blocks().iter().enumerate() {
        let ciphertext = ciphertext_of(block);
        let [first, second] =
            [0, 1].map(|backend| opened[backend].decrypt(&EncryptScheme::RsaPkcs1, &ciphertext).unwrap());
        assert_eq!(first, second, "case {index}");
        assert_eq!(first, opened[0].decrypt(&EncryptScheme::RsaPkcs1, &ciphertext).unwrap(), "case {index} again");
        assert!(first.len() <= K - 11);
        assert!(!block.ends_with(&first) || first.is_empty(), "case {index} lets the block through");

        let [first, second] = [0, 1].map(|backend| opened[backend].decrypt_pkcs1_to_len(&ciphertext, 32).unwrap());
        assert_eq!((first.len(), &first), (32, &second), "case {index}");
        assert!(seen.insert(first.to_vec()), "case {index} is another's");
        assert!(!block.ends_with(&first), "case {index} lets the block through");
    }
}

#[test]
fn a_wrong_length_is_a_wrong_padding() {
    for backend in BACKENDS {
        let (private, public) = open(backend, KEY);
        let ciphertext = public.encrypt(&EncryptScheme::RsaPkcs1, &bytes(32)).unwrap();
        for len in [0, 16, 31, 33, 245] {
            let synthetic = private.decrypt_pkcs1_to_len(&ciphertext, len).unwrap();
            assert_eq!(synthetic.len(), len);
            assert!(len == 0 || !bytes(32).ends_with(&synthetic[len.saturating_sub(16)..]), "{len}");
        }
    }
}

/// Another key makes other bytes of the same ciphertext: the secret that they come from is the key's own.
#[test]
fn synthetic_bytes_are_of_one_key() {
    let ciphertext = [&[0], &bytes(K - 1)[..]].concat();
    let other = AwsLc.generate(KEY).unwrap();
    let [first, second] = [pkcs8(KEY), &other[..]].map(|der| {
        let private = AwsLc.open(der).unwrap();
        private.decrypt_pkcs1_to_len(&ciphertext, 48).unwrap()
    });
    assert_ne!(first, second);
}

#[test]
fn what_is_no_block_of_the_key_is_refused() {
    let info = public_info_of_private(pkcs8(KEY)).unwrap();
    let PublicNumbers::Rsa { n, .. } = info.numbers else { unreachable!() };
    let number = |last| [vec![0; K - 1], vec![last]].concat();
    for backend in BACKENDS {
        let private = backend.open(pkcs8(KEY)).unwrap();
        for wrong in [vec![], vec![2; K - 1], vec![2; K + 1], n.clone(), vec![0xff; K], number(0), number(1)] {
            let refusals = [
                code(private.decrypt(&EncryptScheme::RsaPkcs1, &wrong)),
                code(private.decrypt(&EncryptScheme::RsaRaw, &wrong)),
                code(private.decrypt_pkcs1_to_len(&wrong, 16)),
            ];
            assert_eq!(refusals, [Some(ErrorCode::DecryptFailed); 3], "{} {}", backend.name(), wrong.len());
        }
    }
}

#[test]
fn bare_blocks() {
    let opened = BACKENDS.map(|backend| open(backend, KEY));
    for (maker, opener) in [(0, 1), (1, 0), (0, 0)] {
        for plain in [vec![2], bytes(20), [&[0], &bytes(K - 1)[..]].concat()] {
            let ciphertext = opened[maker].1.encrypt(&EncryptScheme::RsaRaw, &plain).unwrap();
            let decrypted = opened[opener].0.decrypt(&EncryptScheme::RsaRaw, &ciphertext).unwrap();
            assert_eq!((decrypted.len(), decrypted.ends_with(&plain)), (K, true));
        }
        for (wrong, expected) in [
            (vec![1; K + 1], ErrorCode::InvalidLength),
            (vec![0xff; K], ErrorCode::InvalidArgument),
            (vec![1], ErrorCode::InvalidArgument),
            (vec![], ErrorCode::InvalidArgument),
        ] {
            assert_eq!(code(opened[maker].1.encrypt(&EncryptScheme::RsaRaw, &wrong)), Some(expected));
        }
    }
}
