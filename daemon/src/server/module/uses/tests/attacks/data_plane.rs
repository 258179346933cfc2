//! Wrap through PKCS#11 and undo it through Key Vault's door, by somebody who may do everything there: only what the key allows stands
//! between. And CKA_ALLOWED_MECHANISMS, which hold at that door too.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::v1::{
    CreateKeyRequest, DecryptRequest, EncryptRequest, SignRequest, UpdateKeyRequest, VerifyRequest,
};

use super::{
    super::bench::{Bench, Handle, code, number, plain, template},
    Loot, attacks, target,
};
use crate::{
    audit::record::Door,
    error::{ErrorCode as E, Result},
    id::Id,
    identity::Caller,
    keys::face,
    ops::{
        create_key::CreateKey, decrypt::Decrypt, encrypt::Encrypt, sign::Sign, update_key::UpdateKey, verify::Verify,
    },
    policy::{KeyName, VaultName},
};

fn kw() -> Option<softkeep_proto::pkcs11::v1::Mechanism> {
    plain(ck::CKM_AES_KEY_WRAP)
}

fn vault() -> VaultName {
    VaultName::Named("dev".into())
}

fn name(key: &Handle) -> KeyName {
    KeyName::Version(Id::from_bytes(&key.0.unique_id).unwrap())
}

/// A stored key that wraps and unwraps objects and does nothing else.
async fn wrapper(bench: &Bench) -> Result<Handle> {
    bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)]).await
}

/// A sensitive key under it; in a vault that makes none of those, bytes of the same form.
async fn blob(bench: &Bench, wrapping: &Handle) -> Result<Bytes> {
    match target(bench).await {
        Ok(target) => bench.wrap(wrapping, kw(), &target).await,
        Err(_) => Ok(Bytes::from_static(&[0; 40])),
    }
}

async fn open<const UNWRAPS: bool>(bench: &Bench, key: &Handle, blob: &[u8]) -> Loot {
    let request = DecryptRequest { algorithm: "A256KW".into(), ciphertext: blob.to_vec(), ..Default::default() };
    let operation = Decrypt::<UNWRAPS>::parse(vault(), name(key), request)?;
    bench.pipeline.run(Caller::Internal, Door::Grpc, operation).await.map(|(plaintext, _)| plaintext.to_vec())
}

async fn set_ops(bench: &Bench, key: &Handle, ops: &[&str]) -> Result<()> {
    let mut request = UpdateKeyRequest {
        key_ops: ops.iter().map(|operation| (*operation).to_owned()).collect(),
        ..Default::default()
    };
    request.update_mask.get_or_insert_default().paths = vec!["key_ops".into()];
    let operation = UpdateKey::parse(vault(), name(key), request)?;
    bench.pipeline.run(Caller::Internal, Door::Grpc, operation).await.map(|_| ())
}

/// A secret key of Key Vault's.
async fn oct(bench: &Bench, ops: &[&str]) -> Result<Handle> {
    let request = CreateKeyRequest {
        vault: "dev".into(),
        name: format!("oct-{}", Id::random()?),
        kty: "oct".into(),
        key_ops: ops.iter().map(|operation| (*operation).to_owned()).collect(),
        ..Default::default()
    };
    let made = bench.pipeline.run(Caller::Internal, Door::Grpc, CreateKey::parse(request)?).await?;
    Ok(Handle(softkeep_proto::pkcs11::v1::Object {
        unique_id: Bytes::copy_from_slice(&made.version.id.0),
        class: ck::CKO_SECRET_KEY,
        ..Default::default()
    }))
}

attacks! { no_wrapping_is_undone_through_key_vaults_door:
    unwrap_key E::OperationNotPermitted, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = blob(bench, &wrapping).await?;
        open::<true>(bench, &wrapping, &blob).await
    }
    decrypt E::OperationNotPermitted, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = blob(bench, &wrapping).await?;
        open::<false>(bench, &wrapping, &blob).await
    }
    unwrap_key_added_after_wrapping E::ActionProhibited, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = blob(bench, &wrapping).await?;
        set_ops(bench, &wrapping, &["unwrapKey"]).await?;
        open::<true>(bench, &wrapping, &blob).await
    }
    decrypt_added_after_wrapping E::ActionProhibited, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = blob(bench, &wrapping).await?;
        set_ops(bench, &wrapping, &["decrypt"]).await?;
        open::<false>(bench, &wrapping, &blob).await
    }
    key_vaults_key_becomes_one_that_wraps E::ActionProhibited, |bench| {
        let both = oct(bench, &["wrapKey", "unwrapKey"]).await?;
        let both = bench.set(&both, template(&[(ck::CKA_WRAP, true)], &[])).await?;
        let blob = blob(bench, &both).await?;
        open::<true>(bench, &both, &blob).await
    }
    key_vaults_key_gives_up_unwrapping_first E::ActionProhibited, |bench| {
        let both = oct(bench, &["wrapKey", "unwrapKey"]).await?;
        set_ops(bench, &both, &["wrapKey"]).await?;
        let wide = bench.set(&both, template(&[(ck::CKA_WRAP, true)], &[])).await?;
        let blob = blob(bench, &wide).await?;
        set_ops(bench, &wide, &["unwrapKey"]).await?;
        open::<true>(bench, &wide, &blob).await
    }
    key_vaults_key_wraps_as_it_is E::OperationNotPermitted, |bench| {
        let both = oct(bench, &["wrapKey", "unwrapKey"]).await?;
        let blob = bench.wrap(&both, kw(), &wrapper(bench).await?).await?;
        open::<true>(bench, &both, &blob).await
    }
}

/// A pair of curve P-256 whose halves allow these mechanisms.
async fn pair(bench: &Bench, public: u64, private: u64) -> Handle {
    let allowed = |mechanism: u64| (ck::CKA_ALLOWED_MECHANISMS, face::mechanisms(&[mechanism]).to_vec());
    let params = softkeep_proto::algorithm::Curve::P256.oid_der().to_vec();
    let public = template(&[(ck::CKA_VERIFY, true)], &[(ck::CKA_EC_PARAMS, params), allowed(public)]);
    let private = template(&[(ck::CKA_TOKEN, true), (ck::CKA_SIGN, true)], &[allowed(private)]);
    bench.pair(ck::CKM_EC_KEY_PAIR_GEN, public, private).await.unwrap().0
}

#[tokio::test]
async fn allowed_mechanisms_hold_for_each_half_at_key_vaults_door() {
    let bench = Bench::standard().await;
    let run = |key: Handle| {
        let bench = &bench;
        async move {
            let sign = SignRequest { algorithm: "ES256".into(), digest: vec![7; 32], ..Default::default() };
            let sign = Sign::parse(vault(), name(&key), sign).unwrap();
            let verify = VerifyRequest {
                algorithm: "ES256".into(),
                digest: vec![7; 32],
                signature: vec![7; 64],
                ..Default::default()
            };
            let verify = Verify::parse(vault(), name(&key), verify).unwrap();
            let signed = bench.pipeline.run(Caller::Internal, Door::Grpc, sign).await;
            let verified = bench.pipeline.run(Caller::Internal, Door::Grpc, verify).await;
            (code(signed), code(verified))
        }
    };
    let no = Some(E::OperationNotPermitted);
    let (with, without, other) = (ck::CKM_ECDSA_SHA256, ck::CKM_ECDSA, ck::CKM_ECDSA_SHA384);
    assert_eq!(run(pair(&bench, with, with).await).await, (None, None));
    assert_eq!(run(pair(&bench, without, without).await).await, (None, None));
    assert_eq!(run(pair(&bench, other, with).await).await, (None, no));
    assert_eq!(run(pair(&bench, with, other).await).await, (no, None));

    let allowed = (ck::CKA_ALLOWED_MECHANISMS, face::mechanisms(&[ck::CKM_AES_GCM]).to_vec());
    let flags = [(ck::CKA_TOKEN, true), (ck::CKA_ENCRYPT, true), (ck::CKA_DECRYPT, true)];
    let aes = template(&flags, &[(ck::CKA_VALUE_LEN, number(32)), allowed]);
    let aes = bench.generate(plain(ck::CKM_AES_KEY_GEN), aes).await.unwrap();
    let encrypt = |algorithm: &str| {
        let request = EncryptRequest { algorithm: algorithm.into(), plaintext: vec![7; 16], ..Default::default() };
        bench.pipeline.run(Caller::Internal, Door::Grpc, Encrypt::<false>::parse(vault(), name(&aes), request).unwrap())
    };
    assert_eq!((code(encrypt("A256GCM").await), code(encrypt("A256CBC").await)), (None, no));
}
