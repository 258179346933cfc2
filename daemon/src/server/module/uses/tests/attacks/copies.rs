//! One key with two lives: a backup is a copy, and so is the next version of a certificate that keeps its key. What one has wrapped, the
//! other must not undo. By somebody who may do everything at Key Vault's door.

use cryptoki_sys as ck;
use softkeep_proto::{
    pkcs11::v1::{RsaOaepParams, mechanism::Parameter},
    v1::{
        CertificatePolicy, CreateCertificateRequest, CreateKeyRequest, CreateVaultRequest, DecryptRequest,
        UpdateKeyRequest,
    },
};

use super::{
    super::bench::{Bench, Handle, template, with},
    Loot, attacks, target,
};
use crate::{
    audit::record::Door,
    error::{ErrorCode as E, Result},
    id::Id,
    identity::Caller,
    ops::{
        Operation, backup_key::BackupKey, create_certificate::CreateCertificate, create_key::CreateKey,
        create_vault::CreateVault, decrypt::Decrypt, delete_key::DeleteKey, get_key::GetKey, purge_key::PurgeKey,
        restore_key::RestoreKey, update_key::UpdateKey,
    },
    policy::{KeyName, VaultName},
};

const NAME: &str = "both";

fn named(vault: &str) -> VaultName {
    VaultName::Named(vault.into())
}

fn key() -> KeyName {
    KeyName::Named(NAME.into(), None)
}

async fn admin<O: Operation>(bench: &Bench, operation: O) -> Result<O::Reply> {
    bench.pipeline.run(Caller::Internal, Door::Grpc, operation).await
}

fn words(ops: &[&str]) -> Vec<String> {
    ops.iter().map(|operation| (*operation).to_owned()).collect()
}

/// A pair of Key Vault's; what is given back is its public half.
async fn create(bench: &Bench, ops: &[&str]) -> Result<Handle> {
    create_as(bench, NAME, ops).await
}

async fn create_as(bench: &Bench, name: &str, ops: &[&str]) -> Result<Handle> {
    let request = CreateKeyRequest {
        vault: "dev".into(),
        name: name.into(),
        kty: "RSA".into(),
        key_ops: words(ops),
        ..Default::default()
    };
    Ok(public(admin(bench, CreateKey::parse(request)?).await?.version.id))
}

fn public(version: Id) -> Handle {
    Handle(softkeep_proto::pkcs11::v1::Object {
        unique_id: version.0.to_vec().into(),
        class: ck::CKO_PUBLIC_KEY,
        ..Default::default()
    })
}

async fn set_ops(bench: &Bench, vault: &str, ops: &[&str]) -> Result<()> {
    let mut request = UpdateKeyRequest { key_ops: words(ops), ..Default::default() };
    request.update_mask.get_or_insert_default().paths = vec!["key_ops".into()];
    admin(bench, UpdateKey::parse(named(vault), key(), request)?).await.map(|_| ())
}

async fn backup(bench: &Bench) -> Result<Vec<u8>> {
    admin(bench, BackupKey { vault: named("dev"), name: NAME.into() }).await
}

async fn restore(bench: &Bench, vault: &str, backup: Vec<u8>) -> Result<()> {
    admin(bench, RestoreKey::parse(named(vault), backup)?).await.map(|_| ())
}

async fn remove(bench: &Bench) -> Result<()> {
    admin(bench, DeleteKey { vault: named("dev"), name: NAME.into() }).await?;
    admin(bench, PurgeKey::now(named("dev"), NAME.into())).await
}

async fn vault(bench: &Bench, name: &str, wrapping: &str) -> Result<()> {
    let request = CreateVaultRequest { name: name.into(), wrapping: wrapping.into(), ..Default::default() };
    admin(bench, CreateVault::parse(request, false)?).await.map(|_| ())
}

/// The sensitive key under it.
async fn wrap(bench: &Bench, wrapping: &Handle) -> Loot {
    let oaep = RsaOaepParams { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256, label: Default::default() };
    let target = target(bench).await?;
    let oaep = with(ck::CKM_RSA_PKCS_OAEP, Parameter::RsaOaep(oaep));
    Ok(bench.wrap(wrapping, oaep, &target).await?.to_vec())
}

async fn decrypt(bench: &Bench, vault: &str, blob: &[u8]) -> Loot {
    let request = DecryptRequest { algorithm: "RSA-OAEP-256".into(), ciphertext: blob.to_vec(), ..Default::default() };
    let operation = Decrypt::<false>::parse(named(vault), key(), request)?;
    Ok(admin(bench, operation).await?.0.to_vec())
}

/// A certificate, whose key does what follows from this usage; its key's public half.
async fn certificate(bench: &Bench, usage: &str) -> Result<Handle> {
    let policy = CertificatePolicy {
        subject: "CN=both".into(),
        kty: "RSA".into(),
        key_size_bits: 2048,
        reuse_key: true,
        key_usages: words(&[usage]),
        validity_months: 1,
        ..Default::default()
    };
    let request = CreateCertificateRequest { name: NAME.into(), policy: Some(policy), ..Default::default() };
    admin(bench, CreateCertificate::parse(named("dev"), request)?).await?;
    Ok(public(admin(bench, GetKey(named("dev"), key())).await?.version.id))
}

attacks! { no_older_backup_decrypts_what_its_key_has_wrapped:
    in_its_place E::ActionProhibited, |bench| {
        let public = create(bench, &["encrypt"]).await?;
        let before = backup(bench).await?;
        set_ops(bench, "dev", &["encrypt", "wrapKey"]).await?;
        let blob = wrap(bench, &public).await?;
        remove(bench).await?;
        restore(bench, "dev", before).await?;
        set_ops(bench, "dev", &["decrypt"]).await?;
        decrypt(bench, "dev", &blob).await
    }
}

attacks! { no_backup_decrypts_in_another_vault:
    what_the_original_wraps E::ActionProhibited, |bench| {
        let public = create(bench, &["encrypt"]).await?;
        vault(bench, "elsewhere", "").await?;
        restore(bench, "elsewhere", backup(bench).await?).await?;
        set_ops(bench, "dev", &["encrypt", "wrapKey"]).await?;
        let blob = wrap(bench, &public).await?;
        set_ops(bench, "elsewhere", &["decrypt"]).await?;
        decrypt(bench, "elsewhere", &blob).await
    }
}

attacks! { no_original_decrypts_what_its_backup_wraps:
    after_it_moved E::ActionProhibited, |bench| {
        // The original goes to another vault and learns to decrypt there; what stays learns to wrap.
        create(bench, &["encrypt"]).await?;
        vault(bench, "elsewhere", "").await?;
        let first = backup(bench).await?;
        restore(bench, "elsewhere", first.clone()).await?;
        remove(bench).await?;
        restore(bench, "dev", first).await?;
        set_ops(bench, "dev", &["encrypt", "wrapKey"]).await?;
        let public = public(admin(bench, GetKey(named("dev"), key())).await?.version.id);
        let blob = wrap(bench, &public).await?;
        set_ops(bench, "elsewhere", &["decrypt"]).await?;
        decrypt(bench, "elsewhere", &blob).await
    }
}

/// The object of a class of a stored key.
fn half(key: &Handle, class: u64) -> Handle {
    Handle(softkeep_proto::pkcs11::v1::Object { class, ..key.0.clone() })
}

async fn copy(bench: &Bench, key: &Handle, class: u64) -> Result<Handle> {
    bench.copy(&half(key, class), template(&[(ck::CKA_TOKEN, true)], &[])).await
}

/// As `set_ops` and `decrypt`, of a key that only its version names.
async fn set_ops_of(bench: &Bench, key: &Handle, ops: &[&str]) -> Result<()> {
    let mut request = UpdateKeyRequest { key_ops: words(ops), ..Default::default() };
    request.update_mask.get_or_insert_default().paths = vec!["key_ops".into()];
    let key = KeyName::Version(Id::from_bytes(&key.0.unique_id)?);
    admin(bench, UpdateKey::parse(named("dev"), key, request)?).await.map(|_| ())
}

async fn decrypt_by(bench: &Bench, key: &Handle, blob: &[u8]) -> Loot {
    let request = DecryptRequest { algorithm: "RSA-OAEP-256".into(), ciphertext: blob.to_vec(), ..Default::default() };
    let key = KeyName::Version(Id::from_bytes(&key.0.unique_id)?);
    Ok(admin(bench, Decrypt::<false>::parse(named("dev"), key, request)?).await?.0.to_vec())
}

attacks! { no_object_that_was_copied_undoes_what_the_other_wraps:
    a_copied_private_key_learns_to_decrypt E::ActionProhibited, |bench| {
        let public = create(bench, &["encrypt"]).await?;
        let copy = copy(bench, &public, ck::CKO_PRIVATE_KEY).await?;
        set_ops(bench, "dev", &["encrypt", "wrapKey"]).await?;
        let blob = wrap(bench, &public).await?;
        set_ops_of(bench, &copy, &["decrypt"]).await?;
        decrypt_by(bench, &copy, &blob).await
    }
}

attacks! { no_copied_public_key_wraps_what_the_original_decrypts:
    // Key Vault's door has no public keys without their private ones.
    it_learns_to_wrap E::KeyNotFound, |bench| {
        let public = create(bench, &["encrypt"]).await?;
        let copy = copy(bench, &public, ck::CKO_PUBLIC_KEY).await?;
        set_ops_of(bench, &copy, &["encrypt", "wrapKey"]).await?;
        let blob = wrap(bench, &copy).await?;
        set_ops(bench, "dev", &["decrypt"]).await?;
        decrypt_by(bench, &public, &blob).await
    }
    a_copy_that_wraps_already E::ActionProhibited, |bench| {
        let private = create_as(bench, "wraps", &["encrypt", "wrapKey"]).await?;
        let copy = copy(bench, &private, ck::CKO_PUBLIC_KEY).await?;
        let blob = wrap(bench, &copy).await?;
        set_ops_of(bench, &private, &["decrypt"]).await?;
        decrypt_by(bench, &private, &blob).await
    }
}

attacks! { no_backup_goes_where_the_rules_are_weaker:
    where_any_key_wraps E::ActionProhibited, |bench| {
        create(bench, &["encrypt"]).await?;
        vault(bench, "any", "any").await?;
        restore(bench, "any", backup(bench).await?).await?;
        // There its secret could be wrapped by a key that the attacker knows.
        Ok(b"restored".to_vec())
    }
}

attacks! { no_next_version_decrypts_what_the_last_has_wrapped:
    by_a_wider_key_usage E::ManagedObject, |bench| {
        let public = certificate(bench, "encipherOnly").await?;
        set_ops(bench, "dev", &["encrypt", "wrapKey"]).await?;
        let blob = wrap(bench, &public).await?;
        certificate(bench, "decipherOnly").await?;
        decrypt(bench, "dev", &blob).await
    }
}

attacks! { no_last_version_wraps_what_the_next_decrypts:
    after_the_next_came E::ManagedObject, |bench| {
        let public = certificate(bench, "encipherOnly").await?;
        certificate(bench, "decipherOnly").await?;
        let mut request = UpdateKeyRequest { key_ops: words(&["encrypt", "wrapKey"]), ..Default::default() };
        request.update_mask.get_or_insert_default().paths = vec!["key_ops".into()];
        let first = KeyName::Version(Id::from_bytes(&public.0.unique_id)?);
        admin(bench, UpdateKey::parse(named("dev"), first, request)?).await?;
        let blob = wrap(bench, &public).await?;
        decrypt(bench, "dev", &blob).await
    }
}
