//! Keys that come out of other keys: wrapped and unwrapped, agreed on, derived.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::MlKemSet,
    pkcs11::v1::{
        self, CbcDataParams, CounterKdfParams, EcdhAesWrapParams, EcdhParams, HkdfParams, KdfPart, RsaAesWrapParams,
        mechanism::Parameter, reply, request::Op,
    },
};

use super::{
    bench::{Bench, Handle, code, number, plain, secret, secret_of, template, with},
    families::{READABLE, aead, hex, oaep},
};
use crate::error::ErrorCode;

#[tokio::test]
async fn every_wrapping_mechanism_brings_secret_and_private_keys_back() {
    let bench = Bench::standard().await;
    let iv = || Parameter::Iv(vec![3; 16].into());
    let wraps = [(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true), (ck::CKA_DECRYPT, true), (ck::CKA_ENCRYPT, true)];
    let aes = bench.aes(&wraps).await.unwrap();
    // Keys that do nothing else may have wrapped sensitive keys, and what they open stays sensitive.
    let rsa = bench.rsa(&[(ck::CKA_WRAP, true)], &[(ck::CKA_UNWRAP, true), (ck::CKA_DECRYPT, true)]).await.unwrap();
    let ec = bench.ec(&[(ck::CKA_WRAP, true)], &[(ck::CKA_UNWRAP, true), (ck::CKA_DERIVE, true)]).await.unwrap();
    let target = bench.import(ck::CKK_AES, &[0x5a; 32], &READABLE).await.unwrap();
    let (private_target, _) = bench.ec(&[], &READABLE).await.unwrap();
    let both = Some(&private_target);
    let rsa_aes = RsaAesWrapParams { aes_bits: 256, oaep: Some(oaep(ck::CKM_SHA256, ck::CKG_MGF1_SHA256)) };
    let ecdh = EcdhAesWrapParams { aes_bits: 256, kdf: ck::CKD_SHA256_KDF, shared_data: Bytes::from_static(b"x") };
    for (unwrapping, wrapping, mechanism, private) in [
        (&aes, &aes, plain(ck::CKM_AES_ECB), both),
        (&aes, &aes, with(ck::CKM_AES_CBC, iv()), both),
        (&aes, &aes, with(ck::CKM_AES_CBC_PAD, iv()), both),
        (&aes, &aes, with(ck::CKM_AES_GCM, aead(12, 16)), both),
        (&aes, &aes, with(ck::CKM_AES_CCM, aead(12, 16)), both),
        (&aes, &aes, plain(ck::CKM_AES_KEY_WRAP), None),
        (&aes, &aes, plain(ck::CKM_AES_KEY_WRAP_PAD), both),
        (&aes, &aes, plain(ck::CKM_AES_KEY_WRAP_KWP), both),
        (&rsa.0, &rsa.1, plain(ck::CKM_RSA_PKCS), None),
        (
            &rsa.0,
            &rsa.1,
            with(ck::CKM_RSA_PKCS_OAEP, Parameter::RsaOaep(oaep(ck::CKM_SHA256, ck::CKG_MGF1_SHA256))),
            None,
        ),
        (&rsa.0, &rsa.1, with(ck::CKM_RSA_AES_KEY_WRAP, Parameter::RsaAesWrap(rsa_aes)), both),
        (&ec.0, &ec.1, with(ck::CKM_ECDH_AES_KEY_WRAP, Parameter::EcdhAesWrap(ecdh)), both),
    ] {
        let name = format!("0x{:x}", mechanism.as_ref().unwrap().r#type);
        let wrapped = bench.wrap(wrapping, mechanism.clone(), &target).await.expect(&name);
        let back = secret(ck::CKK_AES, &READABLE);
        match bench.unwrap(unwrapping, mechanism.clone(), &wrapped, back).await {
            Ok(back) => {
                assert_eq!(bench.read(&back, ck::CKA_VALUE).await.unwrap().unwrap(), vec![0x5a; 32], "{name}");
                assert!(!back.flag(ck::CKA_LOCAL) && !back.flag(ck::CKA_ALWAYS_SENSITIVE), "{name}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
        let changed = [&wrapped[..wrapped.len() - 1], &[wrapped[wrapped.len() - 1] ^ 1]].concat();
        let result = bench.unwrap(unwrapping, mechanism.clone(), &changed, secret(ck::CKK_AES, &READABLE)).await;
        let bare = [ck::CKM_AES_ECB, ck::CKM_AES_CBC, ck::CKM_RSA_PKCS].contains(&mechanism.as_ref().unwrap().r#type);
        assert!(bare || code(result) == Some(ErrorCode::WrappedKeyInvalid), "{name}");
        let Some(private) = private else { continue };
        let wrapped = bench.wrap(wrapping, mechanism.clone(), private).await.expect(&name);
        let rest = [(ck::CKA_CLASS, number(ck::CKO_PRIVATE_KEY)), (ck::CKA_KEY_TYPE, number(ck::CKK_EC))];
        let back = bench.unwrap(unwrapping, mechanism, &wrapped, template(&READABLE, &rest)).await.expect(&name);
        assert_eq!(back.value(ck::CKA_PUBLIC_KEY_INFO), private.value(ck::CKA_PUBLIC_KEY_INFO), "{name}");
    }
}

#[tokio::test]
async fn two_sides_agree() {
    let bench = Bench::standard().await;
    let derives = [(ck::CKA_DERIVE, true)];
    let params = softkeep_proto::algorithm::MontgomeryCurve::X25519.oid_der().to_vec();
    let montgomery = || template(&[], &[(ck::CKA_EC_PARAMS, params.clone())]);
    let x25519 = [
        bench.pair(ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, montgomery(), template(&derives, &[])).await.unwrap(),
        bench.pair(ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, montgomery(), template(&derives, &[])).await.unwrap(),
    ];
    let ec = [bench.ec(&[], &derives).await.unwrap(), bench.ec(&[], &derives).await.unwrap()];
    for (mechanism, pairs) in
        [(ck::CKM_ECDH1_DERIVE, &ec), (ck::CKM_ECDH1_COFACTOR_DERIVE, &ec), (ck::CKM_ECDH1_DERIVE, &x25519)]
    {
        for kdf in [ck::CKD_NULL, ck::CKD_SHA256_KDF, ck::CKD_SHA3_512_KDF, ck::CKD_SHA384_KDF_SP800] {
            let mut values = Vec::new();
            for (own, other) in [(0, 1), (1, 0)] {
                let public_data = pairs[other].1.value(ck::CKA_EC_POINT).unwrap();
                let parameters = EcdhParams { kdf, shared_data: Bytes::new(), public_data };
                let mechanism = with(mechanism, Parameter::Ecdh(parameters));
                let template = secret_of(ck::CKK_GENERIC_SECRET, 24, &READABLE);
                let derived = bench.derive(&pairs[own].0, mechanism, template).await.unwrap();
                values.push(bench.read(&derived[0], ck::CKA_VALUE).await.unwrap().unwrap());
            }
            assert_eq!((values[0].len(), &values[0]), (24, &values[1]));
        }
    }
    for set in MlKemSet::ALL {
        let public = template(&[], &[(ck::CKA_PARAMETER_SET, number(set.parameter_set()))]);
        let (private, public) = bench.pair(ck::CKM_ML_KEM_KEY_PAIR_GEN, public, vec![]).await.unwrap();
        let request = v1::EncapsulateKey {
            public_key: public.key(),
            mechanism: plain(ck::CKM_ML_KEM),
            template: secret(ck::CKK_GENERIC_SECRET, &READABLE),
            request_id: Bytes::new(),
        };
        let reply::Result::Encapsulated(reply) = bench.run(Op::EncapsulateKey(request)).await.unwrap() else {
            panic!("a reply of another kind");
        };
        let ours = Handle(reply.created.unwrap().objects.remove(0));
        let request = v1::DecapsulateKey {
            private_key: private.key(),
            mechanism: plain(ck::CKM_ML_KEM),
            ciphertext: reply.ciphertext,
            template: secret(ck::CKK_GENERIC_SECRET, &READABLE),
            request_id: Bytes::new(),
        };
        let reply::Result::Created(mut made) = bench.run(Op::DecapsulateKey(request)).await.unwrap() else {
            panic!("a reply of another kind");
        };
        let theirs = Handle(made.objects.remove(0));
        let ours = bench.read(&ours, ck::CKA_VALUE).await.unwrap().unwrap();
        assert_eq!((ours.len(), &ours), (32, &bench.read(&theirs, ck::CKA_VALUE).await.unwrap().unwrap()));
    }
}

async fn derived(bench: &Bench, base: &Handle, mechanism: Option<v1::Mechanism>, len: u64) -> Bytes {
    let template = secret_of(ck::CKK_GENERIC_SECRET, len, &READABLE);
    let key = bench.derive(base, mechanism, template).await.unwrap().remove(0);
    bench.read(&key, ck::CKA_VALUE).await.unwrap().unwrap()
}

/// RFC 5869 test case 1; the others are PKCS#11's own examples (PKCS#11 3.2 section 6.43) or follow from what is defined.
#[tokio::test]
async fn derivations_give_the_right_bytes() {
    let bench = Bench::standard().await;
    let flags = [(ck::CKA_DERIVE, true), (ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
    let ikm = bench.import(ck::CKK_GENERIC_SECRET, &[0x0b; 22], &flags).await.unwrap();
    let hkdf = HkdfParams {
        extract: true,
        expand: true,
        hash: ck::CKM_SHA256,
        salt_kind: ck::CKF_HKDF_SALT_DATA,
        salt: hex("000102030405060708090a0b0c").into(),
        salt_key: None,
        info: hex("f0f1f2f3f4f5f6f7f8f9").into(),
    };
    let right = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_eq!(derived(&bench, &ikm, with(ck::CKM_HKDF_DERIVE, Parameter::Hkdf(hkdf.clone())), 42).await, right);
    let salt = bench.import(ck::CKK_GENERIC_SECRET, &hkdf.salt, &flags).await.unwrap();
    let by_key =
        HkdfParams { salt_kind: ck::CKF_HKDF_SALT_KEY, salt_key: salt.key(), salt: Bytes::new(), ..hkdf.clone() };
    assert_eq!(derived(&bench, &ikm, with(ck::CKM_HKDF_DERIVE, Parameter::Hkdf(by_key)), 42).await, right);
    let data = template(&[], &[(ck::CKA_CLASS, number(ck::CKO_DATA)), (ck::CKA_VALUE_LEN, number(42))]);
    let data = bench.derive(&ikm, with(ck::CKM_HKDF_DATA, Parameter::Hkdf(hkdf)), data).await.unwrap().remove(0);
    assert_eq!(data.value(ck::CKA_VALUE).unwrap(), right);

    let base = bench.import(ck::CKK_GENERIC_SECRET, &hex("01234567"), &flags).await.unwrap();
    let other = bench.import(ck::CKK_GENERIC_SECRET, &hex("89ABCDEF"), &flags).await.unwrap();
    let bytes = || Parameter::Data(hex("89ABCDEF").into());
    for (mechanism, expected) in [
        (with(ck::CKM_CONCATENATE_BASE_AND_KEY, Parameter::OtherKey(other.key().unwrap())), "0123456789ABCDEF"),
        (with(ck::CKM_CONCATENATE_BASE_AND_DATA, bytes()), "0123456789ABCDEF"),
        (with(ck::CKM_CONCATENATE_DATA_AND_BASE, bytes()), "89ABCDEF01234567"),
        (with(ck::CKM_XOR_BASE_AND_DATA, bytes()), "88888888"),
        // Bits 21 to 36 of 0x01234567, counted round its end.
        (with(ck::CKM_EXTRACT_KEY_FROM_KEY, Parameter::FirstBit(21)), "ACE0"),
    ] {
        let expected = hex(expected);
        let value = derived(&bench, &base, mechanism, expected.len() as u64).await;
        assert_eq!(value, expected);
    }
    let digest = crate::crypto::digest(softkeep_proto::algorithm::Hash::Sha384, &hex("01234567"));
    assert_eq!(derived(&bench, &base, plain(ck::CKM_SHA384_KEY_DERIVATION), 48).await, digest);

    let aes = bench.import(ck::CKK_AES, &hex("2b7e151628aed2a6abf7158809cf4f3c"), &flags).await.unwrap();
    let block = hex("6bc1bee22e409f96e93d7e117393172a");
    let ecb = with(ck::CKM_AES_ECB_ENCRYPT_DATA, Parameter::Data(block.clone().into()));
    assert_eq!(derived(&bench, &aes, ecb, 16).await, hex("3ad77bb40d7a3660a89ecaf32466ef97"));
    let cbc = CbcDataParams { iv: hex("000102030405060708090a0b0c0d0e0f").into(), data: block.into() };
    let cbc = with(ck::CKM_AES_CBC_ENCRYPT_DATA, Parameter::CbcData(cbc));
    assert_eq!(derived(&bench, &aes, cbc, 16).await, hex("7649abac8119b246cee98e9b12e9197d"));
}

#[tokio::test]
async fn sp_800_108_makes_several_keys_at_once() {
    let bench = Bench::standard().await;
    let base = bench.generic(32, &[(ck::CKA_DERIVE, true)]).await.unwrap();
    let part = |kind, width_bits| KdfPart { r#type: kind, width_bits, ..KdfPart::default() };
    let label = KdfPart { data: Bytes::from_static(b"label"), ..part(ck::CK_SP800_108_BYTE_ARRAY, 0) };
    for (mechanism, first) in [
        (ck::CKM_SP800_108_COUNTER_KDF, part(ck::CK_SP800_108_ITERATION_VARIABLE, 32)),
        (ck::CKM_SP800_108_FEEDBACK_KDF, part(ck::CK_SP800_108_ITERATION_VARIABLE, 0)),
        (ck::CKM_SP800_108_DOUBLE_PIPELINE_KDF, part(ck::CK_SP800_108_ITERATION_VARIABLE, 0)),
    ] {
        let parameters = |keys: usize| CounterKdfParams {
            prf: ck::CKM_SHA256_HMAC,
            parts: vec![first.clone(), label.clone()],
            iv: Bytes::new(),
            additional_keys: vec![v1::AttributeList { attributes: secret_of(ck::CKK_AES, 16, &READABLE) }; keys],
        };
        let run = |keys| with(mechanism, Parameter::Sp800108(parameters(keys)));
        let template = || secret_of(ck::CKK_GENERIC_SECRET, 32, &READABLE);
        let two = bench.derive(&base, run(1), template()).await.unwrap();
        let one = bench.derive(&base, run(0), template()).await.unwrap();
        assert_eq!((two.len(), one.len()), (2, 1));
        let mut values = Vec::new();
        for key in two.iter().chain(&one) {
            values.push(bench.read(key, ck::CKA_VALUE).await.unwrap().unwrap());
        }
        assert_eq!(values[0], values[2], "the first key does not depend on how many there are");
        assert_eq!((values[0].len(), values[1].len()), (32, 16));
        assert_ne!(values[0][..16], values[1][..]);
    }
}

#[tokio::test]
async fn diffie_hellman_agrees() {
    let bench = Bench::standard().await;
    // RFC 3526 section 3.
    let prime = hex("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD
         EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
         EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F
         83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B
         E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510
         15728E5A8AACAA68FFFFFFFFFFFFFFFF");
    let public = || template(&[], &[(ck::CKA_PRIME, prime.clone()), (ck::CKA_BASE, vec![2])]);
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let private = template(&[(ck::CKA_DERIVE, true)], &[]);
        pairs.push(bench.pair(ck::CKM_DH_PKCS_KEY_PAIR_GEN, public(), private).await.unwrap());
    }
    let mut values = Vec::new();
    for (own, other) in [(0, 1), (1, 0)] {
        let peer = pairs[other].1.value(ck::CKA_VALUE).unwrap();
        let mechanism = with(ck::CKM_DH_PKCS_DERIVE, Parameter::DhPublic(peer));
        values.push(derived(&bench, &pairs[own].0, mechanism, 256).await);
    }
    assert_eq!(values[0], values[1]);
    let one = with(ck::CKM_DH_PKCS_DERIVE, Parameter::DhPublic(Bytes::from_static(&[1])));
    let result = bench.derive(&pairs[0].0, one, secret(ck::CKK_GENERIC_SECRET, &READABLE)).await;
    assert_eq!(code(result), Some(ErrorCode::InvalidParameters));
}
