//! Whose objects are whose: session objects, logins, one-time grants, the security officer, new tokens.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Curve, KeyType, SignScheme},
    error::ErrorCode,
    pkcs11::v1::{self, Mechanism, TokenInfo, mechanism::Parameter, reply, request::Op},
    v1::{DecryptRequest, SignRequest},
};
use zeroize::Zeroizing;

use super::bench::{Bench, Handle, code, number, plain, template, with};
use crate::{
    audit::record::Door,
    crypto::{AwsLc, Backend as _, key_info, self_signed},
    id::Id,
    identity::{Caller, Peer, UserType},
    ops::{decrypt::Decrypt, recover_key::RecoverKey, set_pin::SetPin, sign::Sign},
    policy::{KeyName, VaultName},
};

const PUBLIC_SESSION_KEY: [(u64, bool); 1] = [(ck::CKA_PRIVATE, false)];
const ROOT: Peer = Peer::Unix { uid: 0, pid: None };

fn iv() -> Option<Mechanism> {
    with(ck::CKM_AES_CBC_PAD, Parameter::Iv(Bytes::from_static(&[7; 16])))
}

/// The same program, logged out.
fn logged_out(user: &Caller) -> Caller {
    match user {
        Caller::PinUser(login, peer) => Caller::Application(peer.clone(), login.application),
        other => other.clone(),
    }
}

fn encrypt(key: &Handle) -> Op {
    let plaintext = Bytes::from_static(b"hello");
    Op::Encrypt(v1::Encrypt { key: key.key(), mechanism: iv(), plaintext, partial: false })
}

fn aes(flags: &[(u64, bool)]) -> Op {
    let template = template(flags, &[(ck::CKA_VALUE_LEN, number(32))]);
    Op::GenerateKey(v1::GenerateKey { mechanism: plain(ck::CKM_AES_KEY_GEN), template, request_id: Bytes::new() })
}

fn made(reply: reply::Result) -> Handle {
    match reply {
        reply::Result::Created(made) => Handle(made.objects.into_iter().next().unwrap()),
        _ => unreachable!("a reply of another kind"),
    }
}

#[tokio::test]
async fn a_private_session_object_is_its_logins_alone() {
    let bench = Bench::standard().await;
    let key = bench.aes(&[]).await.unwrap();
    assert!(!key.0.sealed.is_empty() && !key.flag(ck::CKA_TOKEN) && key.flag(ck::CKA_PRIVATE));
    assert!(bench.run(encrypt(&key)).await.is_ok());
    for (caller, expected) in [
        (bench.another_login(), ErrorCode::KeyNotFound),
        (logged_out(&bench.user), ErrorCode::KeyNotFound),
        (bench.officer.clone(), ErrorCode::PermissionDenied),
        (Caller::Peer(ROOT), ErrorCode::KeyNotFound),
    ] {
        assert_eq!(code(bench.run_as(&caller, encrypt(&key)).await), Some(expected), "{caller}");
    }
}

#[tokio::test]
async fn who_is_not_logged_in_has_session_objects_that_are_not_private_and_nothing_else() {
    let bench = Bench::standard().await;
    let nobody = logged_out(&bench.user);
    let key = made(bench.run_as(&nobody, aes(&PUBLIC_SESSION_KEY)).await.unwrap());
    assert!(bench.run_as(&nobody, encrypt(&key)).await.is_ok());
    // Logging in takes nothing away, nor does logging out.
    assert!(bench.run(encrypt(&key)).await.is_ok());
    let of_user = bench.aes(&PUBLIC_SESSION_KEY).await.unwrap();
    assert!(bench.run_as(&nobody, encrypt(&of_user)).await.is_ok());
    let other = logged_out(&bench.another_login());
    assert_eq!(code(bench.run_as(&other, encrypt(&key)).await), Some(ErrorCode::KeyNotFound), "another program");
    for flags in [&[][..], &[(ck::CKA_TOKEN, true)], &[(ck::CKA_TOKEN, true), (ck::CKA_PRIVATE, false)]] {
        assert_eq!(code(bench.run_as(&nobody, aes(flags)).await), Some(ErrorCode::Unauthenticated), "{flags:?}");
    }
    for private in [true, false] {
        let token = bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_PRIVATE, private)]).await.unwrap();
        assert_eq!(code(bench.run_as(&nobody, encrypt(&token)).await), Some(ErrorCode::Unauthenticated));
        let copy = v1::CopyObject {
            object: token.key(),
            template: template(&[(ck::CKA_TOKEN, false)], &[]),
            request_id: Bytes::new(),
        };
        assert_eq!(code(bench.run_as(&nobody, Op::CopyObject(copy)).await), Some(ErrorCode::Unauthenticated));
    }
    // A program without a number of its own has nothing to seal for.
    let nameless = Caller::Application(ROOT, Id::default());
    assert_eq!(code(bench.run_as(&nameless, aes(&PUBLIC_SESSION_KEY)).await), Some(ErrorCode::Unauthenticated));
}

/// What anybody may have, the public object of a pair, must not be a way to its private one.
#[tokio::test]
async fn a_public_object_is_no_way_to_the_private_key() {
    let bench = Bench::standard().await;
    let everything = [ck::CKA_SIGN, ck::CKA_DECRYPT, ck::CKA_UNWRAP].map(|kind| (kind, true));
    let mut flags = everything.to_vec();
    flags.extend([(ck::CKA_TOKEN, true), (ck::CKA_EXTRACTABLE, true), (ck::CKA_SENSITIVE, false)]);
    let (_, public) = bench.rsa(&[], &flags).await.unwrap();
    let data = Bytes::from_static(&[1; 256]);
    let uses = [
        Op::Sign(v1::Sign {
            key: public.key(),
            mechanism: plain(ck::CKM_RSA_PKCS),
            data: data.slice(..32),
            ..v1::Sign::default()
        }),
        Op::Decrypt(v1::Decrypt {
            key: public.key(),
            mechanism: plain(ck::CKM_RSA_PKCS),
            ciphertext: data.clone(),
            partial: false,
        }),
        Op::UnwrapKey(v1::UnwrapKey {
            unwrapping_key: public.key(),
            mechanism: plain(ck::CKM_RSA_PKCS),
            wrapped: data.clone(),
            template: template(
                &[],
                &[(ck::CKA_CLASS, number(ck::CKO_SECRET_KEY)), (ck::CKA_KEY_TYPE, number(ck::CKK_AES))],
            ),
            ..v1::UnwrapKey::default()
        }),
        Op::WrapKey(v1::WrapKey {
            wrapping_key: public.key(),
            mechanism: plain(ck::CKM_RSA_PKCS),
            key: public.key(),
            ..v1::WrapKey::default()
        }),
    ];
    for (index, op) in uses.into_iter().enumerate() {
        for caller in [bench.user.clone(), logged_out(&bench.user)] {
            let refused = code(bench.run_as(&caller, op.clone()).await);
            assert!(refused.is_some(), "use {index} by {caller}");
        }
    }
    let read = v1::ReadValues { object: public.key(), types: vec![ck::CKA_PRIVATE_EXPONENT] };
    let Ok(reply::Result::Values(told)) = bench.run(Op::ReadValues(read)).await else { panic!("it is readable") };
    assert!(told.attributes.is_empty());
}

#[tokio::test]
async fn a_session_pair_works_in_both_halves() {
    let bench = Bench::standard().await;
    let (private, public) = bench.ec(&[], &[]).await.unwrap();
    assert_eq!(private.0.unique_id, public.0.unique_id);
    assert!(private.flag(ck::CKA_PRIVATE) && !public.flag(ck::CKA_PRIVATE));
    assert!(public.value(ck::CKA_EC_POINT).is_some() && public.flag(ck::CKA_VERIFY) && private.flag(ck::CKA_DERIVE));
    let signature = bench.sign(&private, plain(ck::CKM_ECDSA), &[1; 32]).await.unwrap();
    assert_eq!(signature.len(), 64);
    let cannot = bench.sign(&public, plain(ck::CKM_ECDSA), &[1; 32]).await;
    assert!(cannot.is_err(), "a public key signs nothing");
}

#[tokio::test]
async fn a_key_that_asks_for_the_pin_gets_it_each_time() {
    let bench = Bench::standard().await;
    let flags = [(ck::CKA_TOKEN, true), (ck::CKA_ALWAYS_AUTHENTICATE, true)];
    let (key, _) = bench.ec(&[], &flags).await.unwrap();
    assert!(key.flag(ck::CKA_ALWAYS_AUTHENTICATE));
    let sign = |grant: Bytes| {
        let reference = key.key().map(|key| v1::KeyRef { one_time_grant: grant, ..key });
        let data = Bytes::from_static(&[1; 32]);
        Op::Sign(v1::Sign { key: reference, mechanism: plain(ck::CKM_ECDSA), data, ..v1::Sign::default() })
    };
    let show = |pin: &'static [u8]| Op::ContextLogin(v1::ContextLogin { key: key.key(), pin: Bytes::from_static(pin) });
    assert_eq!(code(bench.run(sign(Bytes::new())).await), Some(ErrorCode::Unauthenticated));
    assert_eq!(code(bench.run(show(b"wrong")).await), Some(ErrorCode::PinIncorrect));
    let Ok(reply::Result::ContextLogin(granted)) = bench.run(show(b"12345678")).await else { panic!("no grant") };
    let other = bench.run_as(&bench.another_login(), sign(granted.one_time_grant.clone())).await;
    assert_eq!(code(other), Some(ErrorCode::Unauthenticated), "another login's");
    assert!(bench.run(sign(granted.one_time_grant.clone())).await.is_ok());
    assert_eq!(code(bench.run(sign(granted.one_time_grant)).await), Some(ErrorCode::Unauthenticated), "twice");
    // Neither may somebody with every right but the PIN.
    assert_eq!(code(bench.run_as(&Caller::Peer(ROOT), sign(Bytes::new())).await), Some(ErrorCode::Unauthenticated));
    let public = template(&[(ck::CKA_PRIVATE, false), (ck::CKA_ALWAYS_AUTHENTICATE, true)], &[]);
    let params = softkeep_proto::algorithm::Curve::P256.oid_der().to_vec();
    let refused = bench.pair(ck::CKM_EC_KEY_PAIR_GEN, template(&[], &[(ck::CKA_EC_PARAMS, params)]), public).await;
    assert_eq!(code(refused.map(|_| ())), Some(ErrorCode::TemplateInconsistent));
}

#[tokio::test]
async fn trust_is_the_officers_to_give_to_what_he_sees() {
    let bench = Bench::standard().await;
    let (private, public) = bench.rsa(&[], &[(ck::CKA_TOKEN, true)]).await.unwrap();
    let trust = |object: &Handle, on| {
        let template = template(&[(ck::CKA_TRUSTED, on)], &[]);
        Op::SetAttributes(v1::SetAttributes { object: object.key(), template })
    };
    assert_eq!(code(bench.run(trust(&public, true)).await), Some(ErrorCode::AttributeReadOnly));
    let Ok(reply::Result::AttributesSet(set)) = bench.run_as(&bench.officer, trust(&public, true)).await else {
        panic!("the officer may")
    };
    assert!(Handle(set.objects[0].clone()).flag(ck::CKA_TRUSTED) && set.objects.len() == 1);
    assert_eq!(code(bench.run_as(&bench.officer, trust(&private, true)).await), Some(ErrorCode::KeyNotFound));
    let hidden = bench.aes(&[(ck::CKA_TOKEN, true)]).await.unwrap();
    assert_eq!(code(bench.run_as(&bench.officer, trust(&hidden, true)).await), Some(ErrorCode::KeyNotFound));
    let shown = bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_PRIVATE, false)]).await.unwrap();
    assert!(bench.run_as(&bench.officer, trust(&shown, true)).await.is_ok());
    let copy = bench.copy(&shown, vec![]).await.unwrap();
    assert!(!copy.flag(ck::CKA_TRUSTED), "a copy is trusted by nobody");
    let claimed = bench.aes(&[(ck::CKA_TRUSTED, true)]).await;
    assert_eq!(code(claimed), Some(ErrorCode::AttributeReadOnly));
    // Nor does a program give it to an object of its own while nobody is logged in.
    let nobody = logged_out(&bench.user);
    let own = made(bench.run_as(&nobody, aes(&PUBLIC_SESSION_KEY)).await.unwrap());
    for caller in [&nobody, &bench.user] {
        assert_eq!(code(bench.run_as(caller, trust(&own, true)).await), Some(ErrorCode::AttributeReadOnly), "{caller}");
    }
    let relabel = template(&[], &[(ck::CKA_LABEL, b"mine".to_vec())]);
    let other = Op::SetAttributes(v1::SetAttributes { object: public.key(), template: relabel });
    assert_eq!(code(bench.run_as(&bench.officer, other).await), Some(ErrorCode::PermissionDenied));
}

/// What CKA_ALLOWED_MECHANISMS leaves out, Key Vault's algorithms do not do either.
#[tokio::test]
async fn allowed_mechanisms_hold_at_every_door() {
    let bench = Bench::standard().await;
    let allowed = [number(ck::CKM_SHA256_RSA_PKCS_PSS), number(ck::CKM_ECDSA)].concat();
    let public = template(&[], &[(ck::CKA_MODULUS_BITS, number(2048))]);
    let private = template(&[(ck::CKA_TOKEN, true)], &[(ck::CKA_ALLOWED_MECHANISMS, allowed)]);
    let (private, _) = bench.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, public, private).await.unwrap();
    let (vault, key) =
        (|| VaultName::Named("dev".into()), KeyName::Version(Id::from_bytes(&private.0.unique_id).unwrap()));
    for (algorithm, expected) in [
        ("PS256", None),
        ("PS384", Some(ErrorCode::OperationNotPermitted)),
        ("RS256", Some(ErrorCode::OperationNotPermitted)),
    ] {
        let digest = vec![1; if algorithm == "PS384" { 48 } else { 32 }];
        let request = SignRequest { algorithm: algorithm.into(), digest, ..SignRequest::default() };
        let sign = Sign::parse(vault(), key.clone(), request).unwrap();
        let signed = bench.pipeline.run(Caller::Internal, Door::Grpc, sign).await;
        assert_eq!(code(signed.map(|_| ())), expected, "{algorithm}");
    }
    let request =
        DecryptRequest { algorithm: "RSA-OAEP".into(), ciphertext: vec![1; 256], ..DecryptRequest::default() };
    let decrypt = Decrypt::<false>::parse(vault(), key, request).unwrap();
    let refused = bench.pipeline.run(Caller::Internal, Door::Grpc, decrypt).await;
    assert_eq!(code(refused.map(|_| ())), Some(ErrorCode::OperationNotPermitted));
}

fn certificate() -> Vec<u8> {
    let pkcs8_der = AwsLc.generate(KeyType::Ec(Curve::P256)).unwrap();
    let public = key_info::public_info_of_private(&pkcs8_der).unwrap();
    let key = AwsLc.open(&pkcs8_der).unwrap();
    let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
    self_signed::certificate("root", &public, 1_700_000_000, 2_000_000_000, [1; 16], &sign).unwrap()
}

/// As `p11tool --mark-trusted --so-login` does.
#[tokio::test]
async fn the_officer_writes_certificates_that_are_trusted() {
    let bench = Bench::standard().await;
    let write = |flags: &[(u64, bool)]| {
        let rest = [(ck::CKA_CLASS, number(ck::CKO_CERTIFICATE)), (ck::CKA_VALUE, certificate())];
        Op::CreateObject(v1::CreateObject { template: template(flags, &rest), request_id: Bytes::new() })
    };
    let (kept, trusted) = ((ck::CKA_TOKEN, true), (ck::CKA_TRUSTED, true));
    let written = made(bench.run_as(&bench.officer, write(&[kept, trusted])).await.unwrap());
    assert!(written.flag(ck::CKA_TRUSTED) && written.value(ck::CKA_CHECK_VALUE).unwrap().len() == 3);
    assert!(written.value(ck::CKA_SUBJECT).is_some_and(|name| !name.is_empty()));
    assert_eq!(code(bench.run(write(&[kept, trusted])).await), Some(ErrorCode::AttributeReadOnly));
    assert!(!made(bench.run(write(&[kept])).await.unwrap()).flag(ck::CKA_TRUSTED));
    let private = [kept, (ck::CKA_PRIVATE, true)];
    assert_eq!(code(bench.run_as(&bench.officer, write(&private)).await), Some(ErrorCode::PermissionDenied));
    assert!(!bench.copy(&written, template(&[(ck::CKA_TOKEN, false)], &[])).await.unwrap().flag(ck::CKA_TRUSTED));
}

fn init(label: &str, pin: &'static [u8]) -> Op {
    Op::InitToken(v1::InitToken { so_pin: Bytes::from_static(pin), label: label.into() })
}

fn token(reply: reply::Result) -> TokenInfo {
    match reply {
        reply::Result::TokenInitialised(reply) => reply.token.unwrap(),
        _ => unreachable!("a reply of another kind"),
    }
}

async fn tokens(bench: &Bench, caller: &Caller) -> Vec<TokenInfo> {
    match bench.run_as(caller, Op::ListTokens(v1::ListTokens {})).await.unwrap() {
        reply::Result::ListTokens(reply) => reply.tokens,
        _ => unreachable!("a reply of another kind"),
    }
}

#[tokio::test]
async fn the_free_slot_is_for_who_may_make_vaults() {
    let mut bench = Bench::standard().await;
    let root = Caller::Application(ROOT, Id([1; 16]));
    assert_eq!(tokens(&bench, &logged_out(&bench.user)).await.len(), 1);
    let before = tokens(&bench, &root).await;
    let free = before.last().unwrap().clone();
    assert!(before.len() == 2 && free.vault_id.is_empty() && free.slot_id > before[0].slot_id);
    let dev = std::mem::take(&mut bench.vault);
    let nobody = logged_out(&bench.user);
    assert_eq!(code(bench.run_as(&nobody, init("mine", b"12345678")).await), Some(ErrorCode::PermissionDenied));
    assert_eq!(code(bench.run_as(&root, init("short", b"123")).await), Some(ErrorCode::PinInvalid));
    let made = token(bench.run_as(&root, init("My Token", b"12345678")).await.unwrap());
    assert_eq!(
        (made.label.as_str(), made.slot_id, made.so_pin_set, made.user_pin_set),
        ("My-Token", free.slot_id, true, false)
    );
    let again = token(bench.run_as(&root, init("dev", b"12345678")).await.unwrap());
    assert!(again.label.starts_with("dev-") && again.slot_id > free.slot_id, "{}", again.label);
    assert!(dev != Id::default() && tokens(&bench, &root).await.len() == 4);
}

#[tokio::test]
async fn a_token_that_is_initialised_again_is_empty_and_its_keys_can_be_recovered() {
    let bench = Bench::standard().await;
    let root = Caller::Application(ROOT, Id([1; 16]));
    for label in ["one", "two"] {
        let label = (ck::CKA_LABEL, label.as_bytes().to_vec());
        let flags = [(ck::CKA_TOKEN, true)];
        bench
            .generate(plain(ck::CKM_AES_KEY_GEN), template(&flags, &[(ck::CKA_VALUE_LEN, number(16)), label]))
            .await
            .unwrap();
    }
    let data = [(ck::CKA_CLASS, number(ck::CKO_DATA)), (ck::CKA_VALUE, b"x".to_vec())];
    bench.create(template(&[(ck::CKA_TOKEN, true)], &data)).await.unwrap();
    let find = || Op::FindObjects(v1::FindObjects::default());
    let count = |reply| match reply {
        reply::Result::Objects(found) => found.objects.len(),
        _ => unreachable!("a reply of another kind"),
    };
    assert_eq!(count(bench.run(find()).await.unwrap()), 3);
    assert_eq!(code(bench.run_as(&root, init("", b"wrong-pin")).await), Some(ErrorCode::PinIncorrect));
    assert_eq!(code(bench.run_as(&root, init("other", b"12345678")).await), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(bench.run(init("", b"12345678")).await), Some(ErrorCode::PermissionDenied));
    let emptied = token(bench.run_as(&root, init("dev", b"12345678")).await.unwrap());
    assert!(emptied.so_pin_set && !emptied.user_pin_set);
    assert_eq!(code(bench.run(find()).await), Some(ErrorCode::Unauthenticated), "the user's login is over");
    let new_pin = Zeroizing::new(b"87654321".to_vec());
    let set = SetPin { vault: VaultName::Id(bench.vault), user_type: UserType::User, old_pin: None, new_pin };
    bench.pipeline.run(Caller::Internal, Door::Grpc, set).await.unwrap();
    assert_eq!(code(bench.run(find()).await), Some(ErrorCode::Unauthenticated), "also under the next PIN");
    assert_eq!(count(bench.run_as(&Caller::Internal, find()).await.unwrap()), 0);
    let recover = RecoverKey { vault: VaultName::Id(bench.vault), name: "ONE".into() };
    bench.pipeline.run(Caller::Internal, Door::Grpc, recover).await.unwrap();
    assert_eq!(count(bench.run_as(&Caller::Internal, find()).await.unwrap()), 1);
}
