//! Each derivation against its standard's examples and against RustCrypto over random inputs.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::crypto::test_vectors::{code, hex};

#[test]
fn hkdf_gives_the_examples_of_rfc_5869() {
    // Appendix A.1 and A.3, whole and step by step.
    let key = hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    for (salt, info, prk, okm) in [
        (
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "",
            "",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ] {
        let (salt, info, prk, okm) = (hex(salt), hex(info), hex(prk), hex(okm));
        let hash = Hash::Sha256;
        assert_eq!(*hkdf(hash, Some(&salt), true, &key, &info, 42).unwrap(), okm);
        assert_eq!(*hkdf(hash, Some(&salt), false, &key, &info, 32).unwrap(), prk);
        assert_eq!(*hkdf(hash, Some(&salt), false, &key, &info, 7).unwrap(), prk[..7]);
        assert_eq!(*hkdf(hash, None, true, &prk, &info, 42).unwrap(), okm);
    }
}

#[test]
fn hkdf_refuses_what_rfc_5869_does_not_allow() {
    let hash = Hash::Sha256;
    assert_eq!(hkdf(hash, Some(b""), true, b"k", b"", 255 * 32).unwrap().len(), 255 * 32);
    assert_eq!(code(hkdf(hash, Some(b""), true, b"k", b"", 255 * 32 + 1)), ErrorCode::InvalidLength);
    assert_eq!(code(hkdf(hash, Some(b""), true, b"k", b"", 0)), ErrorCode::InvalidLength);
    assert_eq!(code(hkdf(hash, Some(b""), false, b"k", b"", 33)), ErrorCode::InvalidLength);
    assert_eq!(code(hkdf(hash, None, false, &[1; 32], b"", 32)), ErrorCode::InvalidParameters);
    assert_eq!(code(hkdf(hash, None, true, &[1; 31], b"", 32)), ErrorCode::KeyTooWeak);
}

#[test]
fn x963_gives_the_examples_of_nist() {
    // CAVP, ANS X9.63-2001 key derivation, SHA-256: the first with and the first without shared information.
    assert_eq!(
        *x963(Hash::Sha256, &hex("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08"), &[], 16).unwrap(),
        hex("443024c3dae66b95e6f5670601558f71")
    );
    assert_eq!(
        *x963(
            Hash::Sha256,
            &hex("22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d"),
            &hex("75eef81aa3041e33b80971203d2c0c52"),
            128
        )
        .unwrap(),
        hex("c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e
             52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485
             500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269
             142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21")
    );
}

#[test]
fn one_step_is_the_hash_of_counter_secret_and_information() {
    // SP 800-56C section 4.1, step 6, written out.
    for hash in Hash::ALL {
        let block = |counter: u32| hashes::digest(hash, &[&counter.to_be_bytes(), b"secret", b"info"]);
        let expected = [block(1), block(2), block(3)].concat();
        for len in [1, hash.len() - 1, hash.len(), hash.len() + 1, 3 * hash.len()] {
            assert_eq!(*one_step(hash, b"secret", b"info", len).unwrap(), expected[..len], "{hash:?} {len}");
        }
    }
}

#[test]
fn pbkdf2_gives_the_examples_of_rfc_6070_and_rfc_7914() {
    let sha1 =
        |password: &[u8], salt: &[u8], iterations, len| pbkdf2(Hash::Sha1, password, salt, iterations, len).unwrap();
    assert_eq!(*sha1(b"password", b"salt", 1, 20), hex("0c60c80f961f0e71f3a9b524af6012062fe037a6"));
    assert_eq!(*sha1(b"password", b"salt", 4096, 20), hex("4b007901b765489abead49d926f721d065a429c1"));
    assert_eq!(
        *sha1(b"passwordPASSWORDpassword", b"saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25),
        hex("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038")
    );
    assert_eq!(*sha1(b"pass\0word", b"sa\0lt", 4096, 16), hex("56fa6aa75548099dcc37d7f03425e0c3"));
    // RFC 7914 section 11.
    assert_eq!(
        *pbkdf2(Hash::Sha256, b"passwd", b"salt", 1, 64).unwrap(),
        hex("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")
    );
    assert_eq!(code(pbkdf2(Hash::Sha1, b"p", b"s", 0, 20)), ErrorCode::InvalidParameters);
}

#[test]
fn an_agreement_gives_the_secrets_end_or_what_is_derived_from_it() {
    let secret: Vec<u8> = (0..32).collect();
    assert_eq!(*agreement(AgreementKdf::Null, &secret, b"", 32).unwrap(), secret);
    assert_eq!(*agreement(AgreementKdf::Null, &secret, b"", 5).unwrap(), secret[27..]);
    assert_eq!(code(agreement(AgreementKdf::Null, &secret, b"", 33)), ErrorCode::InvalidLength);
    assert_eq!(code(agreement(AgreementKdf::Null, &secret, b"info", 32)), ErrorCode::InvalidParameters);
    let hash = Hash::Sha3_256;
    let expected = x963(hash, &secret, b"info", 50).unwrap();
    assert_eq!(*agreement(AgreementKdf::X963(hash), &secret, b"info", 50).unwrap(), *expected);
    let expected = one_step(hash, &secret, b"info", 50).unwrap();
    assert_eq!(*agreement(AgreementKdf::OneStep(hash), &secret, b"info", 50).unwrap(), *expected);
}

#[test]
fn deriving_nothing_or_too_much_is_refused() {
    for len in [0, MAX_DERIVED_BYTES + 1, usize::MAX] {
        assert_eq!(code(x963(Hash::Sha256, b"z", b"", len)), ErrorCode::InvalidLength);
        assert_eq!(code(one_step(Hash::Sha256, b"z", b"", len)), ErrorCode::InvalidLength);
        assert_eq!(code(pbkdf2(Hash::Sha256, b"p", b"s", 1, len)), ErrorCode::InvalidLength);
    }
    assert_eq!(x963(Hash::Sha1, b"z", b"", MAX_DERIVED_BYTES).unwrap().len(), MAX_DERIVED_BYTES);
}

#[test]
fn the_simple_derivations_give_the_examples_of_pkcs11() {
    // PKCS#11 3.2 section 6.43.
    let (base, data) = (hex("01234567"), hex("89abcdef"));
    assert_eq!(*concatenate(&base, &data), hex("0123456789abcdef"));
    assert_eq!(*concatenate(&data, &base), hex("89abcdef01234567"));
    assert_eq!(*xor(&base, &data), hex("88888888"));
    assert_eq!(*xor(&base, &data[..3]), hex("888888"));
    assert_eq!(*extract(&hex("329f84a9"), 21, 2).unwrap(), hex("9526"));
    assert_eq!(*extract(&hex("329f84a9"), 0, 4).unwrap(), hex("329f84a9"));
    assert_eq!(*extract(&hex("329f84a9"), 8, 4).unwrap(), hex("9f84a932"));
    assert_eq!(*extract(&hex("329f84a9"), 31, 1).unwrap(), hex("99"));
    assert_eq!(code(extract(&hex("329f84a9"), 32, 1)), ErrorCode::InvalidParameters);
    assert_eq!(code(extract(&hex("329f84a9"), 0, 5)), ErrorCode::InvalidLength);
    assert_eq!(code(extract(&[], 0, 1)), ErrorCode::InvalidLength);
}

proptest! {
    #[test]
    fn extract_takes_the_bits_in_order(base in vec(any::<u8>(), 1..20), first: prop::sample::Index, len: prop::sample::Index) {
        let (first, len) = (first.index(8 * base.len()), len.index(base.len()) + 1);
        let bit = |bytes: &[u8], index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
        let out = extract(&base, first, len).unwrap();
        for index in 0..8 * len {
            prop_assert_eq!(bit(&out, index), bit(&base, (first + index) % (8 * base.len())));
        }
    }

    #[test]
    fn hkdf_and_pbkdf2_are_what_rustcrypto_says(
        key in vec(any::<u8>(), 64..100),
        salt in vec(any::<u8>(), 0..150),
        info in vec(any::<u8>(), 0..100),
        len in 1usize..300,
        iterations in 1u32..5,
    ) {
        macro_rules! check {
            ($hash:expr, $other:ty) => {
                let mut expected = vec![0; len];
                ::hkdf::SimpleHkdf::<$other>::new(Some(&salt), &key).expand(&info, &mut expected).unwrap();
                prop_assert_eq!(&*hkdf($hash, Some(&salt), true, &key, &info, len).unwrap(), &expected);
                ::hkdf::SimpleHkdf::<$other>::from_prk(&key).unwrap().expand(&info, &mut expected).unwrap();
                prop_assert_eq!(&*hkdf($hash, None, true, &key, &info, len).unwrap(), &expected);
                ::pbkdf2::pbkdf2::<hmac::SimpleHmac<$other>>(&key, &salt, iterations, &mut expected).unwrap();
                prop_assert_eq!(&*pbkdf2($hash, &key, &salt, iterations, len).unwrap(), &expected);
            };
        }
        check!(Hash::Sha1, sha1::Sha1);
        check!(Hash::Sha224, sha2::Sha224);
        check!(Hash::Sha256, sha2::Sha256);
        check!(Hash::Sha384, sha2::Sha384);
        check!(Hash::Sha512, sha2::Sha512);
        check!(Hash::Sha512_224, sha2::Sha512_224);
        check!(Hash::Sha512_256, sha2::Sha512_256);
        check!(Hash::Sha3_256, sha3::Sha3_256);
        check!(Hash::Sha3_512, sha3::Sha3_512);
    }
}
