//! What the profiles refuse beyond what attacks need, and what a vault may be told to allow.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{RsaOaepParams, RsaPssParams, mechanism::Parameter};

use super::{
    attacks::{target, wrapper},
    bench::{Bench, code, plain, secret, secret_of, template, with},
};
use crate::error::ErrorCode as E;

/// A wrap that `standard` is made for: a key that was made here to wrap takes a sensitive key out and brings it back, as sensitive as it was.
#[tokio::test]
async fn a_sensitive_key_travels_under_a_key_that_only_wraps() {
    let bench = Bench::standard().await;
    let (wrapping, key) = (wrapper(&bench).await.unwrap(), target(&bench).await.unwrap());
    let message = [1; 16];
    let ciphertext = bench.encrypt(&key, plain(ck::CKM_AES_ECB), &message).await.unwrap();
    for mechanism in [ck::CKM_AES_KEY_WRAP, ck::CKM_AES_KEY_WRAP_KWP] {
        let blob = bench.wrap(&wrapping, plain(mechanism), &key).await.unwrap();
        let flags = [(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, true)];
        let back = bench.unwrap(&wrapping, plain(mechanism), &blob, secret(ck::CKK_AES, &flags)).await.unwrap();
        assert!(back.flag(ck::CKA_SENSITIVE) && !back.flag(ck::CKA_ALWAYS_SENSITIVE));
        assert_eq!(bench.encrypt(&back, plain(ck::CKM_AES_ECB), &message).await.unwrap(), ciphertext);
    }
    let oaep = RsaOaepParams { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256, label: Bytes::new() };
    let oaep = with(ck::CKM_RSA_PKCS_OAEP, Parameter::RsaOaep(oaep));
    let (private, public) = bench.rsa(&[(ck::CKA_WRAP, true)], &[(ck::CKA_UNWRAP, true)]).await.unwrap();
    let blob = bench.wrap(&public, oaep.clone(), &key).await.unwrap();
    let back = bench.unwrap(&private, oaep, &blob, secret(ck::CKK_AES, &[(ck::CKA_ENCRYPT, true)])).await.unwrap();
    assert_eq!(bench.encrypt(&back, plain(ck::CKM_AES_ECB), &message).await.unwrap(), ciphertext);
}

#[tokio::test]
async fn a_vault_may_be_told_to_let_any_key_wrap() {
    let bench = Bench::new("standard", "any").await;
    let both = bench.aes(&[(ck::CKA_WRAP, true), (ck::CKA_DECRYPT, true)]).await.unwrap();
    let key = target(&bench).await.unwrap();
    assert!(bench.wrap(&both, plain(ck::CKM_AES_ECB), &key).await.is_ok());
    let stays = bench.aes(&[(ck::CKA_EXTRACTABLE, false)]).await.unwrap();
    assert_eq!(code(bench.wrap(&both, plain(ck::CKM_AES_ECB), &stays).await), Some(E::KeyUnextractable));
    let flags = [(ck::CKA_EXTRACTABLE, true), (ck::CKA_WRAP_WITH_TRUSTED, true)];
    let guarded = bench.aes(&flags).await.unwrap();
    assert_eq!(code(bench.wrap(&both, plain(ck::CKM_AES_ECB), &guarded).await), Some(E::KeyNotWrappable));
}

/// PKCS#1 v1.5: every ciphertext unwraps, always to the same key, with or without a length in the template.
#[tokio::test]
async fn unwrapping_by_pkcs1_tells_nothing() {
    let bench = Bench::standard().await;
    let (private, _) = bench.rsa(&[], &[(ck::CKA_UNWRAP, true), (ck::CKA_DECRYPT, true)]).await.unwrap();
    let flags = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
    for number in 1..20u8 {
        let mut garbage = vec![number; 256];
        garbage[0] = 0;
        for template in [
            secret(ck::CKK_AES, &flags),
            secret_of(ck::CKK_AES, 24, &flags),
            secret(ck::CKK_GENERIC_SECRET, &flags),
            secret_of(ck::CKK_GENERIC_SECRET, 48, &flags),
        ] {
            let mut values = Vec::new();
            for _ in 0..2 {
                let mechanism = plain(ck::CKM_RSA_PKCS);
                let key = bench.unwrap(&private, mechanism, &garbage, template.clone()).await.unwrap();
                values.push(bench.read(&key, ck::CKA_VALUE).await.unwrap().unwrap());
            }
            assert_eq!(values[0], values[1]);
        }
    }
}

#[tokio::test]
async fn strict_refuses_mechanisms() {
    let bench = Bench::strict().await;
    let (private, _) = bench.rsa(&[], &[(ck::CKA_SIGN, true)]).await.unwrap();
    let pss = RsaPssParams { hash: ck::CKM_SHA_1, mgf: ck::CKG_MGF1_SHA1, salt_len_bytes: 20 };
    for (mechanism, input) in [
        (plain(ck::CKM_RSA_X_509), vec![0; 256]),
        (plain(ck::CKM_RSA_PKCS), vec![1; 36]),
        (plain(ck::CKM_SHA1_RSA_PKCS), vec![1; 20]),
        (with(ck::CKM_SHA1_RSA_PKCS_PSS, Parameter::RsaPss(pss)), vec![1; 20]),
    ] {
        let name = mechanism.as_ref().unwrap().r#type;
        assert_eq!(code(bench.sign(&private, mechanism, &input).await), Some(E::UnsupportedAlgorithm), "0x{name:x}");
    }
    let hash = softkeep_proto::algorithm::Hash::Sha256;
    let digest_info = [hash.digest_info_prefix(), &[1; 32]].concat();
    assert!(bench.sign(&private, plain(ck::CKM_RSA_PKCS), &digest_info).await.is_ok());
    assert!(bench.sign(&private, plain(ck::CKM_SHA256_RSA_PKCS), &[1; 32]).await.is_ok());

    let (private, _) = bench.rsa(&[], &[(ck::CKA_DECRYPT, true)]).await.unwrap();
    for mechanism in [ck::CKM_RSA_PKCS, ck::CKM_RSA_X_509] {
        let result = bench.decrypt(&private, plain(mechanism), &[1; 256]).await;
        assert_eq!(code(result), Some(E::UnsupportedAlgorithm));
    }
    let wrapping = wrapper(&bench).await.unwrap();
    for mechanism in [plain(ck::CKM_AES_ECB), with(ck::CKM_AES_CBC_PAD, Parameter::Iv(vec![0; 16].into()))] {
        let result = bench.unwrap(&wrapping, mechanism, &[1; 32], secret(ck::CKK_AES, &[])).await;
        assert_eq!(code(result), Some(E::UnsupportedAlgorithm));
    }
    let mac = bench.generic(32, &[(ck::CKA_SIGN, true)]).await.unwrap();
    let short = with(ck::CKM_SHA256_HMAC_GENERAL, Parameter::MacLenBytes(4));
    assert_eq!(code(bench.sign(&mac, short, b"").await), Some(E::UnsupportedAlgorithm));
}

#[tokio::test]
async fn strict_refuses_templates() {
    let bench = Bench::strict().await;
    for flags in [
        &[(ck::CKA_SENSITIVE, false)][..],
        &[(ck::CKA_EXTRACTABLE, true)],
        &[(ck::CKA_PRIVATE, false)],
        &[(ck::CKA_ENCRYPT, true), (ck::CKA_WRAP, true)],
        &[(ck::CKA_DECRYPT, true), (ck::CKA_UNWRAP, true)],
        &[(ck::CKA_DERIVE, true), (ck::CKA_ENCRYPT, true)],
        &[(ck::CKA_SIGN, true), (ck::CKA_WRAP, true)],
    ] {
        assert_eq!(code(bench.aes(flags).await), Some(E::TemplateInconsistent), "{flags:x?}");
    }
    assert_eq!(code(bench.import(ck::CKK_AES, &[1; 32], &[]).await), Some(E::TemplateInconsistent));
    assert_eq!(code(bench.generic(13, &[(ck::CKA_SIGN, true)]).await), Some(E::KeyTooWeak));
    let widened = bench.aes(&[(ck::CKA_ENCRYPT, true)]).await.unwrap();
    let result = bench.set(&widened, template(&[(ck::CKA_DECRYPT, true)], &[])).await;
    assert!(result.is_err(), "no operation is added in strict");
    // What a template does not say is one purpose's.
    let (private, public) = bench.rsa(&[], &[]).await.unwrap();
    assert!(private.flag(ck::CKA_SIGN) && !private.flag(ck::CKA_DECRYPT) && !public.flag(ck::CKA_WRAP));
}
