//! What objects are like once they are made, and what may become of them.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    error::ErrorCode,
    pkcs11::v1::{self, Attribute, mechanism::Parameter, reply, request::Op},
    v1::{CreateKeyRequest, KeyAttributes},
};

use super::bench::{Bench, Handle, code, number, plain, rule, secret, template, with};
use crate::{
    audit::record::Door,
    id::Id,
    identity::Caller,
    ops::{
        create_key::CreateKey,
        get_key::{GetKey, KeyView},
        recover_key::RecoverKey,
    },
    policy::{KeyName, VaultName},
};

const TOKEN: (u64, bool) = (ck::CKA_TOKEN, true);

async fn find(bench: &Bench, template: Vec<Attribute>) -> Vec<Handle> {
    match bench.run(Op::FindObjects(v1::FindObjects { template, ..v1::FindObjects::default() })).await.unwrap() {
        reply::Result::Objects(found) => found.objects.into_iter().map(Handle).collect(),
        _ => unreachable!("a reply of another kind"),
    }
}

async fn destroy(bench: &Bench, object: &Handle) -> crate::error::Result<()> {
    let object = v1::ObjectRef { unique_id: object.0.unique_id.clone(), class: object.0.class };
    bench.run(Op::DestroyObject(v1::DestroyObject { object: Some(object) })).await.map(|_| ())
}

fn named(kind: u64, value: &[u8]) -> Vec<Attribute> {
    template(&[], &[(kind, value.to_vec())])
}

async fn key_vault_key(bench: &Bench, request: CreateKeyRequest) -> crate::error::Result<KeyView> {
    let request = CreateKeyRequest { vault: "dev".into(), ..request };
    bench.pipeline.run(Caller::Internal, Door::Grpc, CreateKey::parse(request)?).await
}

#[tokio::test]
async fn a_secret_key_says_what_it_is_and_not_what_its_value_is() {
    let bench = Bench::standard().await;
    let key = bench
        .generate(
            plain(ck::CKM_AES_KEY_GEN),
            template(&[TOKEN], &[(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_LABEL, b"disk".to_vec())]),
        )
        .await
        .unwrap();
    for (kind, expected) in [
        (ck::CKA_CLASS, number(ck::CKO_SECRET_KEY)),
        (ck::CKA_KEY_TYPE, number(ck::CKK_AES)),
        (ck::CKA_VALUE_LEN, number(32)),
        (ck::CKA_KEY_GEN_MECHANISM, number(ck::CKM_AES_KEY_GEN)),
        (ck::CKA_OBJECT_VALIDATION_FLAGS, number(0)),
        (ck::CKA_LABEL, b"disk".to_vec()),
        (ck::CKA_ALLOWED_MECHANISMS, vec![]),
    ] {
        assert_eq!(key.value(kind).as_deref(), Some(&expected[..]), "0x{kind:x}");
    }
    for flag in [ck::CKA_LOCAL, ck::CKA_SENSITIVE, ck::CKA_ALWAYS_SENSITIVE, ck::CKA_NEVER_EXTRACTABLE, ck::CKA_PRIVATE]
    {
        assert!(key.flag(flag), "0x{flag:x}");
    }
    assert_eq!(key.value(ck::CKA_CHECK_VALUE).unwrap().len(), 3);
    assert!(key.value(ck::CKA_VALUE).is_none() && key.0.sensitive == [ck::CKA_VALUE] && key.0.on_request.is_empty());
    assert_eq!(bench.read(&key, ck::CKA_VALUE).await.unwrap(), None);
    let found = find(&bench, secret(ck::CKK_AES, &[])).await;
    assert_eq!(found.len(), 1);
    let shown = GetKey(VaultName::Id(bench.vault), KeyName::Named("disk".into(), None));
    let shown = bench.pipeline.run(Caller::Internal, Door::Grpc, shown).await.unwrap();
    assert!(shown.version.public.is_none() && shown.version.record.public_key_der.is_empty());
}

#[tokio::test]
async fn a_value_that_may_be_read_is_told_to_who_asks() {
    let bench = Bench::standard().await;
    let readable = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
    for flags in [&readable[..], &[readable[0], readable[1], TOKEN]] {
        let key = bench.import(ck::CKK_GENERIC_SECRET, b"sixteen bytes...", flags).await.unwrap();
        assert_eq!(key.0.on_request, [ck::CKA_VALUE]);
        assert!(key.value(ck::CKA_VALUE).is_none() && key.0.sensitive.is_empty());
        assert_eq!(bench.read(&key, ck::CKA_VALUE).await.unwrap().as_deref(), Some(&b"sixteen bytes..."[..]));
        assert!(!key.flag(ck::CKA_LOCAL) && !key.flag(ck::CKA_ALWAYS_SENSITIVE));
        assert_eq!(key.value(ck::CKA_CHECK_VALUE).unwrap().len(), 3);
        let closed = bench.set(&key, template(&[(ck::CKA_SENSITIVE, true)], &[])).await.unwrap();
        assert_eq!(bench.read(&closed, ck::CKA_VALUE).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_secret_key_of_key_vault_is_one_of_pkcs11() {
    let bench = Bench::standard().await;
    let request = |name: &str, kty: &str, bits| CreateKeyRequest {
        name: name.into(),
        kty: kty.into(),
        key_size_bits: bits,
        ..CreateKeyRequest::default()
    };
    let made = key_vault_key(&bench, request("disk", "oct-HSM", 256)).await.unwrap();
    assert!(made.version.record.hsm && made.version.policy.class == ck::CKO_SECRET_KEY);
    let found = find(&bench, named(ck::CKA_LABEL, b"disk")).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].flag(ck::CKA_ENCRYPT) && !found[0].flag(ck::CKA_WRAP), "Key Vault's wrapKey is not CKA_WRAP");
    let iv = || with(ck::CKM_AES_CBC_PAD, Parameter::Iv(Bytes::from_static(&[1; 16])));
    let ciphertext = bench.encrypt(&found[0], iv(), b"hello").await.unwrap();
    assert_eq!(bench.decrypt(&found[0], iv(), &ciphertext).await.unwrap(), &b"hello"[..]);
    assert_eq!(code(key_vault_key(&bench, request("weak", "oct", 64)).await), Some(ErrorCode::UnsupportedAlgorithm));
}

#[tokio::test]
async fn what_was_destroyed_comes_back_whole() {
    let bench = Bench::standard().await;
    let label = || named(ck::CKA_LABEL, b"web");
    let mut private = template(&[TOKEN], &[(ck::CKA_LABEL, b"web".to_vec())]);
    let params = softkeep_proto::algorithm::Curve::P256.oid_der().to_vec();
    let public = template(&[], &[(ck::CKA_EC_PARAMS, params), (ck::CKA_LABEL, b"web".to_vec())]);
    let (key, public_key) = bench.pair(ck::CKM_EC_KEY_PAIR_GEN, public.clone(), private.clone()).await.unwrap();
    destroy(&bench, &public_key).await.unwrap();
    assert_eq!(find(&bench, label()).await.len(), 1);
    destroy(&bench, &key).await.unwrap();
    assert!(find(&bench, label()).await.is_empty());
    assert!(bench.sign(&key, plain(ck::CKM_ECDSA), &[1; 32]).await.is_err());
    // The label is free at once; the name is not, while the key may come back.
    private.push(Attribute { r#type: ck::CKA_ID, value: Bytes::from_static(b"2") });
    bench.pair(ck::CKM_EC_KEY_PAIR_GEN, public, private).await.unwrap();
    let recover = || RecoverKey { vault: VaultName::Id(bench.vault), name: "web".into() };
    bench.pipeline.run(Caller::Internal, Door::Grpc, recover()).await.unwrap();
    assert_eq!(find(&bench, label()).await.len(), 4);
    assert!(bench.sign(&key, plain(ck::CKM_ECDSA), &[1; 32]).await.is_ok());
    let twice = bench.pipeline.run(Caller::Internal, Door::Grpc, recover()).await;
    assert_eq!(code(twice.map(|_| ())), Some(ErrorCode::InvalidArgument));
    let refused = bench.pipeline.run(bench.user.clone(), Door::Grpc, recover()).await;
    assert_eq!(code(refused.map(|_| ())), Some(ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn a_stored_key_still_opens_after_its_policy_has_narrowed() {
    let bench = Bench::standard().await;
    let flags = [TOKEN, (ck::CKA_EXTRACTABLE, true), (ck::CKA_SENSITIVE, false)];
    let (key, _) = bench.ec(&[], &flags).await.unwrap();
    let narrower = template(&[(ck::CKA_SENSITIVE, true), (ck::CKA_DERIVE, false), (ck::CKA_COPYABLE, false)], &[]);
    let changed = bench.set(&key, narrower).await.unwrap();
    assert!(changed.flag(ck::CKA_SENSITIVE) && !changed.flag(ck::CKA_DERIVE) && changed.flag(ck::CKA_EXTRACTABLE));
    assert!(!changed.flag(ck::CKA_ALWAYS_SENSITIVE), "it was readable once");
    // Not from the cache of open keys.
    bench.pipeline.unsealed().unwrap().keys.forget(Id::from_bytes(&key.0.unique_id).unwrap());
    assert!(bench.sign(&key, plain(ck::CKM_ECDSA), &[1; 32]).await.is_ok());
    assert_eq!(code(bench.copy(&key, vec![]).await), Some(ErrorCode::ActionProhibited));
    for back in [(ck::CKA_SENSITIVE, false), (ck::CKA_COPYABLE, true), (ck::CKA_PRIVATE, false), (ck::CKA_LOCAL, false)]
    {
        let refused = bench.set(&key, template(&[back], &[])).await;
        assert_eq!(code(refused), Some(ErrorCode::AttributeReadOnly), "{back:?}");
    }
    let fixed = bench.set(&key, template(&[(ck::CKA_MODIFIABLE, false)], &[])).await.unwrap();
    assert_eq!(code(bench.set(&fixed, named(ck::CKA_LABEL, b"x")).await), Some(ErrorCode::ActionProhibited));
}

#[tokio::test]
async fn a_copy_may_be_elsewhere_and_never_more() {
    let bench = Bench::standard().await;
    let attributes = KeyAttributes { expires: Some(4_000_000_000), ..KeyAttributes::default() };
    let request = CreateKeyRequest {
        name: "web".into(),
        kty: "EC".into(),
        attributes: Some(attributes),
        ..CreateKeyRequest::default()
    };
    let original = key_vault_key(&bench, request).await.unwrap();
    let of_class = |class| template(&[], &[(ck::CKA_LABEL, b"web".to_vec()), (ck::CKA_CLASS, number(class))]);
    let key = find(&bench, of_class(ck::CKO_PRIVATE_KEY)).await.remove(0);
    let copy = bench.copy(&key, template(&[(ck::CKA_TOKEN, false)], &[])).await.unwrap();
    assert!(!copy.0.sealed.is_empty() && copy.0.unique_id != key.0.unique_id);
    for kind in [ck::CKA_LABEL, ck::CKA_ID, ck::CKA_EC_POINT, ck::CKA_SIGN, ck::CKA_ALWAYS_SENSITIVE, ck::CKA_LOCAL] {
        assert_eq!(copy.value(kind), key.value(kind), "0x{kind:x}");
    }
    assert!(bench.sign(&copy, plain(ck::CKM_ECDSA), &[1; 32]).await.is_ok());
    let kept =
        bench.copy(&copy, template(&[TOKEN, (ck::CKA_SIGN, false)], &[(ck::CKA_LABEL, b"again".to_vec())])).await;
    let kept = kept.unwrap();
    assert!(kept.0.sealed.is_empty() && !kept.flag(ck::CKA_SIGN));
    let shown = GetKey(VaultName::Id(bench.vault), KeyName::Named("again".into(), None));
    let shown = bench.pipeline.run(Caller::Internal, Door::Grpc, shown).await.unwrap();
    assert_eq!(shown.version.record.expires, original.version.record.expires, "a copy ends with its original");
    for more in [(ck::CKA_EXTRACTABLE, true), (ck::CKA_SENSITIVE, false)] {
        assert_eq!(
            code(bench.copy(&key, template(&[more], &[])).await),
            Some(ErrorCode::AttributeReadOnly),
            "{more:?}"
        );
    }
    let more = template(&[(ck::CKA_PRIVATE, false)], &[]);
    assert_eq!(code(bench.copy(&key, more).await), Some(ErrorCode::TemplateInconsistent));
    assert_eq!(
        code(bench.copy(&kept, template(&[(ck::CKA_SIGN, true)], &[])).await),
        Some(ErrorCode::TemplateInconsistent)
    );
    let public = find(&bench, of_class(ck::CKO_PUBLIC_KEY)).await.remove(0);
    let public = bench.copy(&public, template(&[(ck::CKA_TOKEN, false)], &[])).await.unwrap();
    assert!(public.flag(ck::CKA_VERIFY) && public.0.class == ck::CKO_PUBLIC_KEY);
}

#[tokio::test]
async fn private_data_is_sealed_in_the_store_and_told_on_request() {
    let bench = Bench::standard().await;
    let value = b"correct horse battery staple";
    let data = |flags: &[(u64, bool)]| {
        let rest = [(ck::CKA_CLASS, number(ck::CKO_DATA)), (ck::CKA_VALUE, value.to_vec())];
        template(flags, &rest)
    };
    let stored = bench.create(data(&[TOKEN, (ck::CKA_PRIVATE, true)])).await.unwrap();
    let session = bench.create(data(&[(ck::CKA_PRIVATE, true)])).await.unwrap();
    for object in [&stored, &session] {
        assert!(object.value(ck::CKA_VALUE).is_none() && object.0.on_request == [ck::CKA_VALUE]);
        assert_eq!(bench.read(object, ck::CKA_VALUE).await.unwrap().as_deref(), Some(&value[..]));
        assert!(!object.0.sealed.windows(value.len()).any(|window| window == value), "the blob tells it");
        let changed = bench.set(object, named(ck::CKA_VALUE, b"other")).await.unwrap();
        assert_eq!(bench.read(&changed, ck::CKA_VALUE).await.unwrap().as_deref(), Some(&b"other"[..]));
        let copy = bench.copy(&changed, template(&[(ck::CKA_TOKEN, !object.0.sealed.is_empty())], &[])).await.unwrap();
        assert_eq!(bench.read(&copy, ck::CKA_VALUE).await.unwrap().as_deref(), Some(&b"other"[..]));
    }
    {
        let rooms = bench.pipeline.unsealed().unwrap();
        let view = rooms.keys.catalog.view();
        let mut records = view.vault(bench.vault).unwrap().objects();
        assert!(records.all(|record| !record.attributes.contains_key(&ck::CKA_VALUE)), "the store tells it");
    }
    let open = bench.create(data(&[TOKEN])).await.unwrap();
    assert_eq!(open.value(ck::CKA_VALUE).as_deref(), Some(&value[..]));
}

#[tokio::test]
async fn one_request_makes_one_object_however_often_it_comes() {
    let bench = Bench::standard().await;
    let request = || {
        Op::GenerateKey(v1::GenerateKey {
            mechanism: plain(ck::CKM_AES_KEY_GEN),
            template: template(&[TOKEN], &[(ck::CKA_VALUE_LEN, number(16))]),
            request_id: Bytes::from_static(&[5; 16]),
        })
    };
    let id = |reply| match reply {
        reply::Result::Created(made) => made.objects[0].unique_id.clone(),
        _ => unreachable!("a reply of another kind"),
    };
    assert_eq!(id(bench.run(request()).await.unwrap()), id(bench.run(request()).await.unwrap()));
    assert_eq!(find(&bench, vec![]).await.len(), 1);
}

#[tokio::test]
async fn a_template_may_say_again_what_follows_and_nothing_else() {
    let bench = Bench::standard().await;
    let params = softkeep_proto::algorithm::Curve::P256.oid_der().to_vec();
    let public = || template(&[(ck::CKA_DERIVE, true)], &[(ck::CKA_EC_PARAMS, params.clone())]);
    let repeated = template(
        &[(ck::CKA_LOCAL, true), (ck::CKA_NEVER_EXTRACTABLE, true)],
        &[
            (ck::CKA_CLASS, number(ck::CKO_PRIVATE_KEY)),
            (ck::CKA_KEY_TYPE, number(ck::CKK_EC)),
            (ck::CKA_EC_PARAMS, params.clone()),
        ],
    );
    assert!(bench.pair(ck::CKM_EC_KEY_PAIR_GEN, public(), repeated).await.is_ok());
    for (index, (wrong, expected)) in [
        (template(&[], &[(ck::CKA_KEY_TYPE, number(ck::CKK_RSA))]), ErrorCode::TemplateInconsistent),
        (template(&[(ck::CKA_LOCAL, false)], &[]), ErrorCode::TemplateInconsistent),
        (template(&[], &[(ck::CKA_VALUE, vec![1])]), ErrorCode::AttributeReadOnly),
        (template(&[], &[(ck::CKA_UNIQUE_ID, vec![1])]), ErrorCode::TemplateInconsistent),
    ]
    .into_iter()
    .enumerate()
    {
        let made = bench.pair(ck::CKM_EC_KEY_PAIR_GEN, public(), wrong).await;
        assert_eq!(code(made.map(|_| ())), Some(expected), "case {index}");
    }
    let nested = template(
        &[],
        &[
            (ck::CKA_VALUE_LEN, number(32)),
            (ck::CKA_UNWRAP_TEMPLATE, {
                let inner = Attribute { r#type: ck::CKA_UNWRAP_TEMPLATE, value: rule(&[(ck::CKA_SIGN, true)]).into() };
                prost::Message::encode_to_vec(&v1::AttributeList { attributes: vec![inner] })
            }),
        ],
    );
    assert_eq!(code(bench.generate(plain(ck::CKM_AES_KEY_GEN), nested).await), Some(ErrorCode::AttributeInvalid));
}
