//! Keys that come in the clear, of every type, by their parts.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Curve, EdwardsCurve, KeyType, MlDsaSet, MlKemSet, MontgomeryCurve},
    error::ErrorCode,
    pkcs11::v1::{self, Attribute, EcdhParams, mechanism::Parameter, reply, request::Op},
    v1::ImportKeyRequest,
};

use super::bench::{Bench, Handle, code, number, plain, secret, template, with};
use crate::{
    audit::record::Door,
    crypto::{AwsLc, Backend as _},
    identity::Caller,
    ops::import_key::ImportKey,
};

const READABLE: [(u64, bool); 2] = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];

/// A pair whose private half can be read, of each type, with the values that make it up again.
async fn readable_pair(bench: &Bench, mechanism: u64, public: &[(u64, Vec<u8>)]) -> (Handle, Handle) {
    bench.pair(mechanism, template(&[], public), template(&READABLE, &[])).await.unwrap()
}

/// The template that makes a private key again: what is public of it and all that is secret.
async fn parts(bench: &Bench, private: &Handle, public_parts: &[u64]) -> Vec<(u64, Vec<u8>)> {
    let mut parts = vec![(ck::CKA_CLASS, number(ck::CKO_PRIVATE_KEY))];
    for kind in [ck::CKA_KEY_TYPE].iter().chain(public_parts) {
        parts.push((*kind, private.value(*kind).unwrap().to_vec()));
    }
    let request = v1::ReadValues { object: private.key(), types: private.0.on_request.clone() };
    match bench.run(Op::ReadValues(request)).await.unwrap() {
        reply::Result::Values(values) => {
            parts.extend(values.attributes.into_iter().map(|value| (value.r#type, value.value.to_vec())));
        }
        _ => unreachable!("a reply of another kind"),
    }
    parts
}

fn without(parts: &[(u64, Vec<u8>)], left_out: &[u64]) -> Vec<(u64, Vec<u8>)> {
    parts.iter().filter(|(kind, _)| !left_out.contains(kind)).cloned().collect()
}

const RSA_CRT: [u64; 3] = [ck::CKA_EXPONENT_1, ck::CKA_EXPONENT_2, ck::CKA_COEFFICIENT];
const RSA_PRIMES: [u64; 2] = [ck::CKA_PRIME_1, ck::CKA_PRIME_2];

#[tokio::test]
async fn an_rsa_key_comes_in_with_all_its_numbers_or_with_three() {
    let bench = Bench::standard().await;
    let (private, _) =
        readable_pair(&bench, ck::CKM_RSA_PKCS_KEY_PAIR_GEN, &[(ck::CKA_MODULUS_BITS, number(2048))]).await;
    let all = parts(&bench, &private, &[ck::CKA_MODULUS, ck::CKA_PUBLIC_EXPONENT]).await;
    let signature = bench.sign(&private, plain(ck::CKM_RSA_PKCS), b"text").await.unwrap();
    let none: Vec<u64> = RSA_CRT.iter().chain(&RSA_PRIMES).copied().collect();
    for left_out in [&[][..], &RSA_CRT, &none] {
        for token in [false, true] {
            let template = template(&[(ck::CKA_TOKEN, token)], &without(&all, left_out));
            let imported = bench.create(template).await.unwrap();
            // PKCS#1 v1.5 signatures are deterministic.
            assert_eq!(bench.sign(&imported, plain(ck::CKM_RSA_PKCS), b"text").await.unwrap(), signature);
            assert!(!imported.flag(ck::CKA_LOCAL) && imported.flag(ck::CKA_SENSITIVE));
            assert_eq!(imported.value(ck::CKA_PUBLIC_KEY_INFO), private.value(ck::CKA_PUBLIC_KEY_INFO));
        }
    }
    for broken in [ck::CKA_PRIVATE_EXPONENT, ck::CKA_PRIME_1, ck::CKA_COEFFICIENT, ck::CKA_MODULUS] {
        let mut wrong = all.clone();
        wrong.iter_mut().filter(|(kind, _)| *kind == broken).for_each(|(_, value)| value[20] ^= 2);
        let refused = code(bench.create(template(&[], &wrong)).await);
        assert!(matches!(refused, Some(ErrorCode::KeyInvalid)), "0x{broken:x}: {refused:?}");
    }
    for missing in [ck::CKA_MODULUS, ck::CKA_PRIVATE_EXPONENT, ck::CKA_KEY_TYPE] {
        let refused = code(bench.create(template(&[], &without(&all, &[missing]))).await);
        assert_eq!(refused, Some(ErrorCode::TemplateIncomplete), "0x{missing:x}");
    }
}

#[tokio::test]
async fn keys_of_every_signing_type_come_in() {
    let bench = Bench::standard().await;
    let curve = |oid: &[u8]| vec![(ck::CKA_EC_PARAMS, oid.to_vec())];
    let set = |number_of: u64| vec![(ck::CKA_PARAMETER_SET, number(number_of))];
    for (making, signing, public, input) in [
        (ck::CKM_EC_KEY_PAIR_GEN, ck::CKM_ECDSA, curve(Curve::P256.oid_der()), 32),
        (ck::CKM_EC_KEY_PAIR_GEN, ck::CKM_ECDSA, curve(Curve::P521.oid_der()), 64),
        (ck::CKM_EC_KEY_PAIR_GEN, ck::CKM_ECDSA, curve(Curve::P256K.oid_der()), 32),
        (ck::CKM_EC_EDWARDS_KEY_PAIR_GEN, ck::CKM_EDDSA, curve(EdwardsCurve::Ed25519.oid_der()), 50),
        (ck::CKM_ML_DSA_KEY_PAIR_GEN, ck::CKM_ML_DSA, set(MlDsaSet::MlDsa65.parameter_set()), 64),
    ] {
        let (private, _) = readable_pair(&bench, making, &public).await;
        let kinds: Vec<u64> = public.iter().map(|(kind, _)| *kind).collect();
        let all = parts(&bench, &private, &kinds).await;
        let imported = bench.create(template(&[(ck::CKA_TOKEN, true)], &all)).await.unwrap();
        assert_eq!(imported.value(ck::CKA_PUBLIC_KEY_INFO), private.value(ck::CKA_PUBLIC_KEY_INFO));
        let signature = bench.sign(&imported, plain(signing), &vec![3; input]).await.unwrap();
        if signing == ck::CKM_EDDSA {
            assert_eq!(bench.sign(&private, plain(signing), &vec![3; input]).await.unwrap(), signature);
        }
        let zero: Vec<_> = all
            .iter()
            .map(|(kind, value)| match *kind == ck::CKA_VALUE && making != ck::CKM_EC_EDWARDS_KEY_PAIR_GEN {
                true => (*kind, vec![0; value.len() - 1]),
                false => (*kind, value.clone()),
            })
            .collect();
        if making != ck::CKM_EC_EDWARDS_KEY_PAIR_GEN {
            assert!(bench.create(template(&[], &zero)).await.is_err(), "0x{making:x}: a value that is none");
        }
    }
}

#[tokio::test]
async fn keys_that_agree_come_in() {
    let bench = Bench::standard().await;
    let x25519 = [(ck::CKA_EC_PARAMS, MontgomeryCurve::X25519.oid_der().to_vec())];
    let (private, public) = readable_pair(&bench, ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &x25519).await;
    let all = parts(&bench, &private, &[ck::CKA_EC_PARAMS]).await;
    let imported = bench.create(template(&[], &all)).await.unwrap();
    let ecdh = |peer: &Handle| {
        let public_data = peer.value(ck::CKA_EC_POINT).unwrap();
        let parameters = EcdhParams { kdf: ck::CKD_NULL, shared_data: Bytes::new(), public_data };
        with(ck::CKM_ECDH1_DERIVE, Parameter::Ecdh(parameters))
    };
    let mut secrets = Vec::new();
    for key in [&private, &imported] {
        let template = secret(ck::CKK_GENERIC_SECRET, &[]);
        let derived = bench.derive(key, ecdh(&public), template).await.unwrap().remove(0);
        // As Java leaves it: nothing said, and the agreed secret read.
        secrets.push(bench.read(&derived, ck::CKA_VALUE).await.unwrap().unwrap());
    }
    assert_eq!((secrets[0].len(), &secrets[0]), (32, &secrets[1]));

    let kem = [(ck::CKA_PARAMETER_SET, number(MlKemSet::MlKem768.parameter_set()))];
    let (private, _) = readable_pair(&bench, ck::CKM_ML_KEM_KEY_PAIR_GEN, &kem).await;
    let all = parts(&bench, &private, &[ck::CKA_PARAMETER_SET]).await;
    for left_out in [ck::CKA_VALUE, ck::CKA_SEED] {
        let imported = bench.create(template(&[], &without(&all, &[left_out]))).await.unwrap();
        assert_eq!(imported.value(ck::CKA_PUBLIC_KEY_INFO), private.value(ck::CKA_PUBLIC_KEY_INFO));
    }
    let mut two_keys = all.clone();
    two_keys.iter_mut().filter(|(kind, _)| *kind == ck::CKA_SEED).for_each(|(_, value)| value[0] ^= 1);
    assert_eq!(code(bench.create(template(&[], &two_keys)).await), Some(ErrorCode::TemplateInconsistent));
}

async fn public_keys(bench: &Bench) -> Vec<Handle> {
    let template = template(&[], &[(ck::CKA_CLASS, number(ck::CKO_PUBLIC_KEY))]);
    match bench.run(Op::FindObjects(v1::FindObjects { template, ..v1::FindObjects::default() })).await.unwrap() {
        reply::Result::Objects(found) => found.objects.into_iter().map(Handle).collect(),
        _ => unreachable!("a reply of another kind"),
    }
}

fn public_template(key: &Handle, point: &[u8], extra: &[(u64, Vec<u8>)]) -> Vec<Attribute> {
    let mut rest = vec![
        (ck::CKA_CLASS, number(ck::CKO_PUBLIC_KEY)),
        (ck::CKA_KEY_TYPE, number(ck::CKK_EC)),
        (ck::CKA_EC_PARAMS, key.value(ck::CKA_EC_PARAMS).unwrap().to_vec()),
        (ck::CKA_EC_POINT, point.to_vec()),
    ];
    rest.extend_from_slice(extra);
    template(&[(ck::CKA_TOKEN, true)], &rest)
}

#[tokio::test]
async fn a_private_key_brings_its_public_object_until_the_application_writes_one() {
    let bench = Bench::standard().await;
    let params = [(ck::CKA_EC_PARAMS, Curve::P256.oid_der().to_vec())];
    let (private, _) = readable_pair(&bench, ck::CKM_EC_KEY_PAIR_GEN, &params).await;
    let mut all = parts(&bench, &private, &[ck::CKA_EC_PARAMS]).await;
    all.push((ck::CKA_LABEL, b"web".to_vec()));
    all.push((ck::CKA_ID, b"7".to_vec()));
    let imported = bench.create(template(&[(ck::CKA_TOKEN, true)], &all)).await.unwrap();
    assert_eq!(imported.0.class, ck::CKO_PRIVATE_KEY);
    let derived = public_keys(&bench).await.remove(0);
    assert_eq!(derived.value(ck::CKA_ID).as_deref(), Some(&b"7"[..]));
    assert_eq!(derived.value(ck::CKA_LABEL).as_deref(), Some(&b"web"[..]));
    let der = private.value(ck::CKA_EC_POINT).unwrap();
    let own = public_template(&private, &der[2..], &[(ck::CKA_LABEL, b"web public".to_vec())]);
    let written = bench.create(own).await.unwrap();
    let found = public_keys(&bench).await;
    assert_eq!((found.len(), found[0].0.unique_id.clone()), (1, written.0.unique_id.clone()), "it took the place");
    assert_eq!(found[0].value(ck::CKA_LABEL).as_deref(), Some(&b"web public"[..]));
    assert!(bench.sign(&imported, plain(ck::CKM_ECDSA), &[1; 32]).await.is_ok(), "the private half still opens");
    // A second one is an object of its own.
    let second = bench.create(public_template(&private, &der, &[])).await.unwrap();
    assert!(second.0.unique_id != written.0.unique_id && public_keys(&bench).await.len() == 2);
}

#[tokio::test]
async fn a_public_key_is_checked_and_shown_in_one_form() {
    let bench = Bench::standard().await;
    let params = [(ck::CKA_EC_PARAMS, Curve::P384.oid_der().to_vec())];
    let (private, public) = readable_pair(&bench, ck::CKM_EC_KEY_PAIR_GEN, &params).await;
    let der = private.value(ck::CKA_EC_POINT).unwrap();
    for point in [&der[..], &der[2..]] {
        let made = bench.create(public_template(&private, point, &[])).await.unwrap();
        assert_eq!(made.value(ck::CKA_EC_POINT), Some(der.clone()));
        assert_eq!(made.value(ck::CKA_PUBLIC_KEY_INFO), public.value(ck::CKA_PUBLIC_KEY_INFO));
        assert!(!made.flag(ck::CKA_LOCAL) && !made.flag(ck::CKA_TRUSTED) && made.flag(ck::CKA_VERIFY));
    }
    let mut off_curve = der.to_vec();
    off_curve[40] ^= 1;
    assert_eq!(code(bench.create(public_template(&private, &off_curve, &[])).await), Some(ErrorCode::KeyInvalid));
    let named = vec![0x13, 9, b's', b'e', b'c', b'p', b'3', b'8', b'4', b'r', b'1'];
    let mut by_name = public_template(&private, &der, &[]);
    by_name
        .iter_mut()
        .filter(|given| given.r#type == ck::CKA_EC_PARAMS)
        .for_each(|given| given.value = named.clone().into());
    assert!(bench.create(by_name).await.is_ok());
    let other = [(
        ck::CKA_PUBLIC_KEY_INFO,
        readable_pair(&bench, ck::CKM_EC_KEY_PAIR_GEN, &params)
            .await
            .1
            .value(ck::CKA_PUBLIC_KEY_INFO)
            .unwrap()
            .to_vec(),
    )];
    let refused = bench.create(public_template(&private, &der, &other)).await;
    assert_eq!(code(refused), Some(ErrorCode::TemplateInconsistent));
}

#[tokio::test]
async fn strict_takes_nothing_in_the_clear() {
    let bench = Bench::strict().await;
    let refused = bench.import(ck::CKK_AES, &[1; 32], &[(ck::CKA_ENCRYPT, true)]).await;
    assert_eq!(code(refused), Some(ErrorCode::TemplateInconsistent));
    // Nor through Key Vault's door.
    let pkcs8_der = AwsLc.generate(KeyType::Ec(Curve::P256)).unwrap().to_vec();
    let (vault, name, key_ops) = ("dev".into(), "brought".into(), vec!["sign".into()]);
    let request = ImportKeyRequest { vault, name, key_ops, pkcs8_der, ..ImportKeyRequest::default() };
    let refused = bench.pipeline.run(Caller::Internal, Door::Grpc, ImportKey::parse(request).unwrap()).await;
    assert_eq!(code(refused.map(|_| ())), Some(ErrorCode::TemplateInconsistent));
}
