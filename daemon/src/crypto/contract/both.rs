//! The backends side by side: each takes the other's keys and signatures, and what only one can do, the other names.

use std::collections::HashMap;

use super::*;

#[test]
fn secret_keys_are_random_bytes() {
    for backend in BACKENDS {
        for (kind, len) in [(SecretKind::Aes, 16), (SecretKind::ChaCha20, 32), (SecretKind::Hmac(Hash::Sha3_256), 100)]
        {
            let [first, second] = [0, 1].map(|_| backend.generate(KeyType::Secret(kind, len)).unwrap());
            assert_eq!((first.len(), second.len()), (len as usize, len as usize));
            assert_ne!(first, second);
        }
        assert_eq!(code(backend.generate(KeyType::Dh(2048))), Some(ErrorCode::UnsupportedAlgorithm));
    }
}

/// Sizes that aws-lc's Rust interface does not make.
#[test]
fn rsa_keys_between_the_usual_sizes_and_above() {
    for bits in [2304, 5120] {
        let pkcs8 = AwsLc.generate(KeyType::Rsa(bits)).unwrap();
        assert_eq!(check_import(&pkcs8).unwrap().key_type, KeyType::Rsa(bits));
        let (scheme, input) = (SignScheme::RsaPkcs1(Hash::Sha256), bytes(32));
        let public = public_info_of_private(&pkcs8).unwrap().spki_der;
        let signatures = BACKENDS.map(|backend| backend.open(&pkcs8).unwrap().sign(&scheme, &input).unwrap());
        assert_eq!(signatures[0], signatures[1]);
        for backend in BACKENDS {
            assert!(backend.open_public(&public).unwrap().verify(&scheme, &input, &signatures[0]).unwrap());
        }
    }
}

/// Only aws-lc does Ed25519ctx; the other says so. RFC 8032 section 7.2, the first test.
#[test]
fn ed25519_with_a_context() {
    use super::super::test_vectors::hex;
    let seed = hex("0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6");
    let message = hex("f726936d19c800494e3fdaff20b276a8");
    let expected = hex("55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a\
        8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d");
    let pkcs8 = super::super::key_parts::edwards_pkcs8(EdwardsCurve::Ed25519, &seed).unwrap();
    let spki = public_info_of_private(&pkcs8).unwrap().spki_der;
    let scheme = eddsa(Some(b"foo"), false);
    assert_eq!(AwsLc.open(&pkcs8).unwrap().sign(&scheme, &message).unwrap(), expected);
    let public = AwsLc.open_public(&spki).unwrap();
    assert!(public.verify(&scheme, &message, &expected).unwrap());
    assert!(!public.verify(&eddsa(None, false), &message, &expected).unwrap());
    assert!(!public.verify(&eddsa(Some(b"bar"), false), &message, &expected).unwrap());

    assert_eq!(code(RustCrypto.open(&pkcs8).unwrap().sign(&scheme, &message)), Some(ErrorCode::UnsupportedAlgorithm));
    let verdict = RustCrypto.open_public(&spki).unwrap().verify(&scheme, &message, &expected);
    assert_eq!(code(verdict), Some(ErrorCode::UnsupportedAlgorithm));
}

/// Only aws-lc does PSS with two hashes; the other says so.
#[test]
fn pss_with_another_mgf() {
    let scheme = SignScheme::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha1, salt_len_bytes: 20 };
    let (private, public) = open(&AwsLc, KeyType::Rsa(2048));
    let signature = private.sign(&scheme, &bytes(32)).unwrap();
    assert!(public.verify(&scheme, &bytes(32), &signature).unwrap());
    let plain = pss(Hash::Sha256, 20);
    assert!(!public.verify(&plain, &bytes(32), &signature).unwrap());

    let (private, public) = open(&RustCrypto, KeyType::Rsa(2048));
    assert_eq!(code(private.sign(&scheme, &bytes(32))), Some(ErrorCode::UnsupportedAlgorithm));
    assert_eq!(code(public.verify(&scheme, &bytes(32), &signature)), Some(ErrorCode::UnsupportedAlgorithm));
}

#[test]
fn each_accepts_the_others_work() {
    for key_type in KEY_TYPES {
        let opened = BACKENDS.map(|backend| open(backend, key_type));
        for (maker, checker) in [(0, 1), (1, 0)] {
            let (private, public) = (&opened[maker].0, &opened[checker].1);
            for (scheme, input) in cases(key_type) {
                let signature = private.sign(&scheme, &input).unwrap();
                let what = format!("{key_type:?} {scheme:?} {} by {}", input.len(), BACKENDS[maker].name());
                assert!(public.verify(&scheme, &input, &signature).unwrap(), "{what}");
            }
            let KeyType::Rsa(_) = key_type else { continue };
            for (scheme, plaintext) in oaep_cases(key_type) {
                let ciphertext = public.encrypt(&scheme, &plaintext).unwrap();
                assert_eq!(*private.decrypt(&scheme, &ciphertext).unwrap(), plaintext, "{key_type:?} {scheme:?}");
            }
        }
    }
}

/// Signatures without random in them are the same bytes whoever made them.
#[test]
fn deterministic_signatures_agree() {
    for key_type in KEY_TYPES {
        let opened = BACKENDS.map(|backend| open(backend, key_type).0);
        for (scheme, input) in cases(key_type) {
            let random = matches!(
                scheme,
                SignScheme::RsaPss { salt_len_bytes: 1.., .. }
                    | SignScheme::Ecdsa
                    | SignScheme::MlDsaMu { deterministic: false }
            );
            let [first, second] = [0, 1].map(|index| opened[index].sign(&scheme, &input).unwrap());
            assert_eq!(first == second, !random, "{key_type:?} {scheme:?}");
        }
    }
}

#[test]
fn each_opens_the_others_keys() {
    for (maker, other) in [(BACKENDS[0], BACKENDS[1]), (BACKENDS[1], BACKENDS[0])] {
        let quick = |key_type: &KeyType| !matches!(key_type, KeyType::Rsa(3072..));
        for key_type in KEY_TYPES.into_iter().filter(quick) {
            let pkcs8 = maker.generate(key_type).unwrap();
            let version_one = |der: &[u8]| pkcs8::PrivateKeyInfoRef::try_from(der).unwrap().public_key.is_none();
            assert!(version_one(&pkcs8), "PKCS#8 version 2 is not for everybody");
            let info = check_import(&pkcs8).unwrap();
            assert_eq!(info.key_type, key_type);
            assert_eq!(public_info(&info.spki_der).unwrap(), info);
            let private = other.open(&pkcs8).unwrap();
            assert_eq!(private.key_type(), key_type);
            for (scheme, input) in cases(key_type).into_iter().take(1) {
                let signature = private.sign(&scheme, &input).unwrap();
                for backend in BACKENDS {
                    assert!(backend.open_public(&info.spki_der).unwrap().verify(&scheme, &input, &signature).unwrap());
                }
            }
            assert_ne!(*pkcs8, *maker.generate(KeyType::Ec(Curve::P256)).unwrap());
        }
    }
}

/// One open key serves many threads at once.
#[test]
fn one_key_on_many_threads() {
    let keys: HashMap<_, _> = KEY_TYPES.iter().map(|key_type| (*key_type, open(&AwsLc, *key_type))).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for key_type in [KeyType::Rsa(2048), KeyType::Ec(Curve::P256)] {
                    let (private, public) = &keys[&key_type];
                    let (scheme, input) = cases(key_type).swap_remove(0);
                    for _ in 0..20 {
                        let signature = private.sign(&scheme, &input).unwrap();
                        assert!(public.verify(&scheme, &input, &signature).unwrap());
                    }
                }
            });
        }
    });
}
