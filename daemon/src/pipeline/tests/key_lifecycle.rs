//! Keys from creation to purge: rotation, backups, attributes, what the daemon does by itself.

use std::collections::HashSet;

use super::*;
use crate::{
    jobs,
    keys::record::{KeyPolicy, KeyRecord, Ops, VaultRecord, VersionRecord},
    ops::{
        backup_key::BackupKey, copy_object::CopyObject, get_deleted_key::GetDeletedKey, get_key::KeyView,
        list_deleted_keys::ListDeletedKeys, list_key_versions::ListKeyVersions, purge_key::PurgeKey,
        recover_key::RecoverKey, restore_key::RestoreKey, rotate_key::RotateKey, set_attributes::SetAttributes,
        set_rotation_policy::SetRotationPolicy, update_key::UpdateKey,
    },
};

const DAY: i64 = 24 * 3600;

fn dev() -> VaultName {
    VaultName::Named("dev".into())
}

impl Fixture {
    async fn admin<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.run(Caller::Internal, operation).await
    }

    async fn create(&self, request: v1::CreateKeyRequest) -> Result<KeyView> {
        self.admin(CreateKey::parse(v1::CreateKeyRequest { vault: "dev".into(), ..request })?).await
    }

    async fn update(&self, request: v1::UpdateKeyRequest, name: &str) -> Result<KeyView> {
        self.admin(UpdateKey::parse(dev(), KeyName::Named(name.into(), None), request)?).await
    }

    async fn attributes(&self, name: &str, attributes: v1::KeyAttributes) -> Result<KeyView> {
        let request = v1::UpdateKeyRequest { attributes: Some(attributes), ..Default::default() };
        self.update(request, name).await
    }

    async fn rotate(&self, name: &str, request_id: &str) -> Result<KeyView> {
        self.admin(RotateKey::parse(dev(), name.into(), request_id.into())?).await
    }

    async fn set_policy(&self, expiry_time: &str, lifetime_actions: Vec<v1::LifetimeAction>) -> v1::RotationPolicy {
        let name = "web".into();
        let policy =
            v1::RotationPolicy { name, expiry_time: expiry_time.into(), lifetime_actions, ..Default::default() };
        self.admin(SetRotationPolicy::parse(dev(), &policy).unwrap()).await.unwrap()
    }

    async fn get(&self, name: &str) -> Result<KeyView> {
        self.admin(GetKey(dev(), KeyName::Named(name.into(), None))).await
    }

    async fn versions(&self, name: &str) -> Vec<KeyView> {
        let list = ListKeyVersions { vault: dev(), name: name.into(), after: String::new(), limit: 1000 };
        self.admin(list).await.unwrap().items
    }

    async fn backup(&self, name: &str) -> Result<Vec<u8>> {
        self.admin(BackupKey { vault: dev(), name: name.into() }).await
    }

    async fn restore(&self, vault: &str, backup: &[u8]) -> Result<KeyView> {
        self.admin(RestoreKey::parse(VaultName::Named(vault.into()), backup.to_vec())?).await
    }

    async fn delete(&self, name: &str) -> Result<KeyView> {
        self.admin(DeleteKey { vault: dev(), name: name.into() }).await
    }

    async fn purge(&self, name: &str) -> Result<()> {
        self.admin(PurgeKey::now(dev(), name.into())).await
    }

    /// Changes a record behind the verbs' back: time has passed, or it is a certificate's.
    fn edit(&self, name: &str, change: impl FnOnce(&mut KeyRecord, &mut VersionRecord)) {
        let (vault, rooms) = (self.vault("dev"), self.pipeline.unsealed().unwrap());
        rooms
            .keys
            .write(|_| {
                let view = rooms.keys.catalog.view();
                let key = &view.vault(vault).unwrap().keys[name];
                let (mut record, current) = ((*key.record).clone(), key.current().unwrap());
                let mut version = current.record.clone();
                change(&mut record, &mut version);
                let rows = vec![
                    Entry::put(row::key(vault, name), &record),
                    Entry::put(row::version(vault, current.id), &version),
                ];
                Ok((rows, ()))
            })
            .unwrap();
    }

    /// How much was due, and is done.
    async fn wake(&self) -> usize {
        jobs::wake_once(&self.pipeline, clock::now_seconds()).await
    }

    fn audited(&self, operation: &str) -> usize {
        let rooms = self.pipeline.unsealed().unwrap();
        rooms.audit.log().flush().unwrap();
        let operation = format!("\"{operation}\"");
        let is_it = |line: &&String| line.contains(&operation) && line.contains("\"done\"");
        rooms.audit.log().tail(1000).unwrap().iter().filter(is_it).count()
    }
}

fn rotate_after(duration: &str) -> v1::LifetimeAction {
    v1::LifetimeAction { action: "Rotate".into(), time_after_create: duration.into(), ..Default::default() }
}

fn notify_before(duration: &str) -> v1::LifetimeAction {
    v1::LifetimeAction { action: "Notify".into(), time_before_expiry: duration.into(), ..Default::default() }
}

fn key(name: &str, kty: &str) -> v1::CreateKeyRequest {
    v1::CreateKeyRequest { name: name.into(), kty: kty.into(), ..Default::default() }
}

#[tokio::test]
async fn a_rotated_key_is_like_the_last_one_and_the_last_one_still_signs() {
    let fixture = Fixture::new().await;
    let attributes = v1::KeyAttributes { tags: [("a".into(), "b".into())].into(), ..Default::default() };
    for (name, kty, curve) in [("ec", "EC", "P-384"), ("okp", "OKP", ""), ("aes", "oct", "")] {
        let request =
            v1::CreateKeyRequest { curve: curve.into(), attributes: Some(attributes.clone()), ..key(name, kty) };
        let first = fixture.create(request).await.unwrap();
        let second = fixture.rotate(name, "").await.unwrap();
        assert_ne!(first.version.id, second.version.id);
        let (old, new) = (&first.version, &second.version);
        assert_eq!((new.key_type, new.ops()), (old.key_type, old.ops()), "{name}");
        assert_eq!(new.record.tags, old.record.tags, "{name}");
        assert!(new.policy.is_home_grown() && new.record.expires.is_none(), "{name}");
        assert!(name == "aes" || new.record.public_key_der != old.record.public_key_der, "{name}");
        assert_eq!(fixture.get(name).await.unwrap().version.id, new.id, "the new one is current");
    }
    let request = v1::SignRequest { key: None, algorithm: "ES384".into(), digest: vec![7; 48] };
    for version in fixture.versions("ec").await {
        let key = KeyName::Named("ec".into(), Some(version.version.id));
        fixture.run(fixture.user().await, Sign::parse(dev(), key, request.clone()).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_label_goes_to_the_new_version() {
    use cryptoki_sys as ck;
    use softkeep_proto::pkcs11::v1::Attribute;
    let fixture = Fixture::new().await;
    let (vault, id) = (fixture.vault("dev"), fixture.get("web").await.unwrap().version.id);
    let attribute = |kind, value: &'static [u8]| Attribute { r#type: kind, value: value.into() };
    let template = vec![attribute(ck::CKA_LABEL, b"my key"), attribute(ck::CKA_ID, b"\x01")];
    let set = SetAttributes::parse(vault, KeyName::Object(id, ck::CKO_PRIVATE_KEY), template).unwrap();
    fixture.run(fixture.user().await, set).await.unwrap();
    let new = fixture.rotate("web", "").await.unwrap().version.id;
    let find = |label: String| FindObjects {
        vault,
        template: vec![
            Attribute { r#type: ck::CKA_LABEL, value: label.into() },
            Attribute { r#type: ck::CKA_CLASS, value: ck::CKO_PRIVATE_KEY.to_le_bytes().to_vec().into() },
        ],
        after: None,
        offset: 0,
        limit: 10,
    };
    for (label, expected) in [("my key".to_owned(), new), (format!("my key/{id}"), id)] {
        let found = fixture.run(fixture.user().await, find(label)).await.unwrap();
        assert_eq!(found.faces.iter().map(|face| face.unique_id).collect::<Vec<_>>(), [expected]);
        let cka_id = &found.faces[0].attributes[&ck::CKA_ID][..];
        assert_eq!(cka_id, if expected == new { &new.0[..] } else { b"\x01" });
    }
}

#[tokio::test]
async fn a_repeated_request_makes_one_version() {
    let fixture = Fixture::new().await;
    let request = v1::CreateKeyRequest { request_id: "r1".into(), ..key("once", "EC") };
    let first = fixture.create(request.clone()).await.unwrap();
    assert_eq!(fixture.create(request).await.unwrap().version.id, first.version.id);
    let rotated = fixture.rotate("once", "r2").await.unwrap();
    assert_eq!(fixture.rotate("once", "r2").await.unwrap().version.id, rotated.version.id);
    assert_eq!(fixture.versions("once").await.len(), 2);
    assert_eq!(code(fixture.rotate("web", "r2").await), Some(ErrorCode::InvalidArgument), "another key's request");
    let other = v1::CreateKeyRequest { request_id: "r1".into(), ..key("other", "EC") };
    assert_eq!(code(fixture.create(other).await), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(fixture.get("other").await), Some(ErrorCode::KeyNotFound));
}

#[tokio::test]
async fn the_daemon_rotates_once_when_it_is_time_however_late() {
    let fixture = Fixture::new().await;
    let shown = fixture.set_policy("P90D", vec![rotate_after("P30D"), notify_before("P10D")]).await;
    assert!(shown.created.is_some() && shown.lifetime_actions.len() == 2);
    assert_eq!(fixture.wake().await, 0, "it is not time");
    fixture.edit("web", |_, version| version.created -= 30 * DAY - 60);
    assert_eq!(fixture.wake().await, 0, "a minute is missing");
    // Away for three times the interval.
    fixture.edit("web", |_, version| version.created -= 60 * DAY + 60);
    assert_eq!(fixture.wake().await, 1);
    assert_eq!(fixture.wake().await, 0);
    let versions = fixture.versions("web").await;
    assert_eq!(versions.len(), 2);
    let new = &versions[1].version.record;
    assert_eq!(new.expires, Some(new.created + 90 * DAY));
    assert_eq!(fixture.get("web").await.unwrap().version.id, versions[1].version.id);
    // A disabled key stays as it is, until it is enabled again.
    fixture.edit("web", |_, version| (version.created, version.enabled) = (version.created - 31 * DAY, false));
    assert_eq!(fixture.wake().await, 0);
    fixture.attributes("web", v1::KeyAttributes { enabled: Some(true), ..Default::default() }).await.unwrap();
    assert_eq!(fixture.wake().await, 1);
    assert_eq!(fixture.versions("web").await.len(), 3);
}

#[tokio::test]
async fn an_expiry_is_announced_once() {
    let fixture = Fixture::new().await;
    let now = clock::now_seconds();
    let expires = |expires| v1::KeyAttributes { expires: Some(expires), ..Default::default() };
    fixture.attributes("web", expires(now + 31 * DAY)).await.unwrap();
    assert_eq!(fixture.wake().await, 0);
    fixture.attributes("web", expires(now + 29 * DAY)).await.unwrap();
    assert_eq!(fixture.wake().await, 1, "the default policy's 30 days");
    assert_eq!(fixture.wake().await, 0);
    let shown = fixture.set_policy("P90D", vec![notify_before("P10D")]).await;
    assert_eq!(shown.lifetime_actions, [notify_before("P10D")]);
    assert_eq!(fixture.wake().await, 0, "this version was announced");
    fixture.rotate("web", "").await.unwrap();
    assert_eq!(fixture.wake().await, 0);
    fixture.attributes("web", expires(now + 9 * DAY)).await.unwrap();
    assert_eq!(fixture.wake().await, 1);
    assert_eq!(fixture.audited("key.near-expiry"), 2);
}

#[tokio::test]
async fn a_disabled_key_does_nothing_and_an_expired_one_only_undoes() {
    let fixture = Fixture::new().await;
    let now = clock::now_seconds();
    let verify = |signature: Vec<u8>| {
        let request = v1::VerifyRequest { key: None, algorithm: "ES256".into(), digest: vec![7; 32], signature };
        Verify::parse(dev(), KeyName::Named("web".into(), None), request).unwrap()
    };
    let (signature, _) = fixture.run(fixture.user().await, sign("dev", "web")).await.unwrap();
    let times = |not_before, expires| v1::KeyAttributes { not_before, expires, ..Default::default() };
    for (attributes, signs, verifies) in [
        (times(None, Some(now - 1)), false, true),
        (times(Some(now + 100), Some(now + 200)), false, true),
        (v1::KeyAttributes { enabled: Some(false), ..times(Some(now - 1), None) }, false, false),
        (v1::KeyAttributes { enabled: Some(true), ..Default::default() }, true, true),
    ] {
        fixture.attributes("web", attributes.clone()).await.unwrap();
        for caller in [fixture.user().await, Caller::Internal] {
            let disabled = Some(ErrorCode::KeyDisabled);
            let signed = code(fixture.run(caller.clone(), sign("dev", "web")).await);
            assert_eq!(signed, if signs { None } else { disabled }, "{attributes:?}");
            let verified = code(fixture.run(caller, verify(signature.to_vec())).await);
            assert_eq!(verified, if verifies { None } else { disabled }, "{attributes:?}");
        }
    }
}

#[tokio::test]
async fn operations_are_taken_away_and_given_back() {
    let fixture = Fixture::new().await;
    let ops = |names: &[&str]| {
        let key_ops = names.iter().map(|name| (*name).to_owned()).collect();
        v1::UpdateKeyRequest { key_ops, ..Default::default() }
    };
    let view = fixture.update(ops(&["verify"]), "web").await.unwrap();
    assert_eq!(view.version.ops(), Ops::VERIFY);
    let refused = code(fixture.run(fixture.user().await, sign("dev", "web")).await);
    assert_eq!(refused, Some(ErrorCode::OperationNotPermitted));
    assert_eq!(code(fixture.update(ops(&["encrypt"]), "web").await), Some(ErrorCode::InvalidArgument));
    fixture.update(ops(&["sign", "verify"]), "web").await.unwrap();
    fixture.run(fixture.user().await, sign("dev", "web")).await.unwrap();
    // Its blob was sealed again to each policy: a daemon that has just started reads it too.
    let restarted = fixture.restarted();
    restarted.run(Caller::Internal, Door::Grpc, sign("dev", "web")).await.unwrap();
}

#[tokio::test]
async fn a_backup_has_everything_and_goes_into_any_vault_here() {
    let fixture = Fixture::new().await;
    let (signature, _) = fixture.run(fixture.user().await, sign("dev", "web")).await.unwrap();
    fixture.set_policy("P90D", vec![rotate_after("P30D")]).await;
    let first = fixture.get("web").await.unwrap();
    for _ in 0..46 {
        fixture.rotate("web", "").await.unwrap();
    }
    let times = v1::KeyAttributes { expires: Some(clock::now_seconds() + 99 * DAY), ..Default::default() };
    fixture.attributes("web", times).await.unwrap();
    let (before, backup) = (fixture.versions("web").await, fixture.backup("web").await.unwrap());
    assert_eq!(code(fixture.restore("dev", &backup).await), Some(ErrorCode::AlreadyExists));
    assert_eq!(code(fixture.restore("other", &backup).await), Some(ErrorCode::AlreadyExists), "it has a key 'web'");
    fixture.delete("web").await.unwrap();
    assert_eq!(code(fixture.restore("dev", &backup).await), Some(ErrorCode::NameDeleted));
    fixture.purge("web").await.unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, sign("dev", "web")).await), Some(ErrorCode::KeyNotFound));
    let restored = fixture.restore("dev", &backup).await.unwrap();
    assert_eq!(restored.key, before[0].key);
    let after = fixture.versions("web").await;
    let ids = |versions: &[KeyView]| versions.iter().map(|view| view.version.id).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before), "all versions, in their order");
    for (old, new) in before.iter().zip(&after) {
        let ordinal = new.version.record.ordinal;
        let policy = KeyPolicy { copied: true, ..old.version.policy.clone() };
        let policy = Some(policy);
        assert_eq!(new.version.record, VersionRecord { ordinal, policy, ..old.version.record.clone() });
    }
    let request =
        v1::VerifyRequest { key: None, algorithm: "ES256".into(), digest: vec![7; 32], signature: signature.to_vec() };
    let old = KeyName::Named("web".into(), Some(first.version.id));
    let verify = Verify::parse(dev(), old, request).unwrap();
    assert!(fixture.run(Caller::Internal, verify).await.unwrap().0);
    // Its secret too, and sealed to where it is: a daemon that has just started opens it.
    fixture.admin(DeleteKey { vault: VaultName::Named("other".into()), name: "web".into() }).await.unwrap();
    fixture.admin(PurgeKey::now(VaultName::Named("other".into()), "web".into())).await.unwrap();
    fixture.restore("other", &backup).await.unwrap();
    let restarted = fixture.restarted();
    for vault in ["dev", "other"] {
        restarted.run(Caller::Internal, Door::Grpc, sign(vault, "web")).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_backup_of_ours_is_refused() {
    let fixture = Fixture::new().await;
    let backup = fixture.backup("web").await.unwrap();
    let foreign = Fixture::new().await.backup("web").await.unwrap();
    let mut flipped = backup.clone();
    flipped[40] ^= 1;
    fixture.delete("web").await.unwrap();
    fixture.purge("web").await.unwrap();
    for wrong in [&b""[..], b"x", &backup[..backup.len() - 1], &flipped, &foreign] {
        assert_eq!(code(fixture.restore("dev", wrong).await), Some(ErrorCode::BackupInvalid));
    }
    let stranger = RestoreKey::parse(dev(), backup.clone()).unwrap();
    let refused = fixture.run(Caller::Peer(STRANGER), stranger).await;
    assert_eq!(code(refused), Some(ErrorCode::PermissionDenied));
    assert_eq!(code(fixture.get("web").await), Some(ErrorCode::KeyNotFound), "nothing has changed");
    fixture.restore("dev", &backup).await.unwrap();
}

#[tokio::test]
async fn a_restoration_that_broke_off_is_nowhere_and_goes_away() {
    let fixture = Fixture::new().await;
    for _ in 0..46 {
        fixture.rotate("web", "").await.unwrap();
    }
    // As after the first of its transactions: a deleted key without its current version.
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let current = fixture.get("web").await.unwrap().version.id;
    let last = fixture.backup("web").await.unwrap();
    fixture.edit("web", |key, _| (key.deleted, key.scheduled_purge) = (Some(1), Some(clock::now_seconds() + 1)));
    rooms.keys.write(|_| Ok((vec![Entry::delete(row::version(vault, current))], ()))).unwrap();
    let deleted = |after: &str| ListDeletedKeys { vault: dev(), after: after.into(), limit: 9 };
    assert!(fixture.admin(deleted("")).await.unwrap().items.is_empty());
    let recover = RecoverKey { vault: dev(), name: "web".into() };
    assert_eq!(code(fixture.admin(recover).await), Some(ErrorCode::KeyNotFound));
    assert_eq!(fixture.wake().await, 0);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(fixture.wake().await, 1);
    assert!(rooms.keys.catalog.view().vault(vault).unwrap().keys.is_empty());
    drop(rooms);
    fixture.restore("dev", &last).await.unwrap();
}

#[tokio::test]
async fn a_deleted_key_is_purged_by_hand_or_when_its_time_comes() {
    let fixture = Fixture::new().await;
    fixture.create(key("second", "EC")).await.unwrap();
    let get_deleted = |name: &str| GetDeletedKey { vault: dev(), name: name.into() };
    assert_eq!(code(fixture.admin(get_deleted("web")).await), Some(ErrorCode::KeyNotFound));
    assert_eq!(code(fixture.purge("web").await), Some(ErrorCode::KeyNotFound), "it is not deleted");
    let deleted = fixture.delete("web").await.unwrap();
    let shown = fixture.admin(get_deleted("WEB")).await.unwrap();
    assert_eq!(shown.version.id, deleted.version.id);
    let (at, purge) = (shown.key.deleted.unwrap(), shown.key.scheduled_purge.unwrap());
    assert_eq!(purge - at, 90 * DAY);
    assert_eq!(code(fixture.create(key("web", "EC")).await), Some(ErrorCode::NameDeleted));
    fixture.purge("web").await.unwrap();
    assert_eq!(code(fixture.admin(get_deleted("web")).await), Some(ErrorCode::KeyNotFound));
    let again = fixture.create(key("web", "EC")).await.unwrap();
    assert_ne!(again.version.id, deleted.version.id);
    fixture.delete("second").await.unwrap();
    assert_eq!(fixture.wake().await, 0);
    fixture.edit("second", |key, _| key.scheduled_purge = Some(clock::now_seconds()));
    assert_eq!(fixture.wake().await, 1);
    assert_eq!(code(fixture.admin(get_deleted("second")).await), Some(ErrorCode::KeyNotFound));
    // Nothing of them is left in the store.
    let rooms = fixture.pipeline.unsealed().unwrap();
    let left: HashSet<_> = fixture.store.range("blob/").unwrap().into_iter().map(|row| row.key).collect();
    let view = rooms.keys.catalog.view();
    let known =
        view.every_vault().flat_map(|vault| vault.keys.values().map(|key| (vault.id, key.record.current.clone())));
    assert_eq!(left, known.map(|(vault, id)| row::blob(vault, Id::from_bytes(&id).unwrap())).collect());
}

#[tokio::test]
async fn a_certificates_key_is_changed_with_it_alone() {
    let fixture = Fixture::new().await;
    let id = fixture.get("web").await.unwrap().version.id;
    fixture.edit("web", |key, _| key.managed = true);
    let managed = Some(ErrorCode::ManagedObject);
    assert_eq!(code(fixture.delete("web").await), managed);
    assert_eq!(code(fixture.rotate("web", "").await), managed);
    assert_eq!(code(fixture.create(key("web", "EC")).await), managed);
    assert_eq!(code(fixture.backup("web").await), managed);
    for class in [cryptoki_sys::CKO_PRIVATE_KEY, cryptoki_sys::CKO_PUBLIC_KEY] {
        let destroy = DestroyObject { vault: fixture.vault("dev"), id, class };
        assert_eq!(code(fixture.run(fixture.user().await, destroy).await), managed);
    }
    fixture.run(fixture.user().await, sign("dev", "web")).await.unwrap();
    fixture.attributes("web", v1::KeyAttributes { enabled: Some(false), ..Default::default() }).await.unwrap();
    fixture.edit("web", |key, _| (key.deleted, key.scheduled_purge) = (Some(1), Some(1)));
    assert_eq!(fixture.wake().await, 0);
    assert_eq!(code(fixture.purge("web").await), managed);
    assert_eq!(code(fixture.admin(RecoverKey { vault: dev(), name: "web".into() }).await), managed);
}

#[tokio::test]
async fn purge_protection_leaves_a_deleted_key_until_its_time() {
    let fixture = Fixture::new().await;
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let protect = || {
        let view = rooms.keys.catalog.view();
        let record = VaultRecord { purge_protection: true, ..(*view.vault(vault).unwrap().record).clone() };
        Ok((vec![Entry::put(row::vault(vault), &record)], ()))
    };
    rooms.keys.write(|_| protect()).unwrap();
    fixture.delete("web").await.unwrap();
    assert_eq!(code(fixture.purge("web").await), Some(ErrorCode::PurgeProtected));
    assert_eq!(fixture.wake().await, 0);
    fixture.edit("web", |key, _| key.scheduled_purge = Some(clock::now_seconds()));
    assert_eq!(fixture.wake().await, 1);
    assert_eq!(code(fixture.purge("web").await), Some(ErrorCode::KeyNotFound));
}

#[tokio::test]
async fn pages_keep_their_order_while_keys_come_and_go() {
    let fixture = Fixture::new().await;
    for name in ["b", "D", "f", "h"] {
        fixture.create(key(name, "EC")).await.unwrap();
    }
    let mut names = Vec::new();
    let mut after = String::new();
    for turn in 0.. {
        let page = fixture.admin(ListKeys { vault: dev(), after, limit: 2 }).await.unwrap();
        names.extend(page.items.iter().map(|view| view.key.name.clone()));
        let Some(next) = page.next else { break };
        after = next;
        if turn == 0 {
            // Before the page's end, at it, and behind it.
            fixture.create(key("a", "EC")).await.unwrap();
            fixture.delete("d").await.unwrap();
            fixture.delete("f").await.unwrap();
            fixture.create(key("g", "EC")).await.unwrap();
        }
    }
    assert_eq!(names, ["b", "D", "g", "h", "web"]);
    let versions: Vec<_> = fixture.versions("h").await.iter().map(|view| view.version.id).collect();
    let rotated = fixture.rotate("h", "").await.unwrap().version.id;
    let all: Vec<_> = fixture.versions("h").await.iter().map(|view| view.version.id).collect();
    assert_eq!(all, [versions, vec![rotated]].concat(), "oldest first");
}

#[tokio::test]
async fn a_standard_vault_has_no_hsm_keys_and_a_strict_one_takes_in_no_open_ones() {
    let fixture = Fixture::new().await;
    for kty in ["RSA-HSM", "EC-HSM", "oct-HSM", "OKP-HSM"] {
        assert_eq!(code(fixture.create(key("hsm", kty)).await), Some(ErrorCode::SkuNotSupported), "{kty}");
    }
    let vaults = [("premium", "", "premium"), ("strict", "strict", "premium"), ("plain", "", "standard")];
    for (name, profile, sku) in vaults {
        let (name, profile, sku) = (name.into(), profile.into(), sku.into());
        let request = v1::CreateVaultRequest { name, profile, sku, ..Default::default() };
        fixture.admin(CreateVault::parse(request, false).unwrap()).await.unwrap();
    }
    let request = v1::CreateKeyRequest { vault: "premium".into(), ..key("hsm", "EC-HSM") };
    let made = fixture.admin(CreateKey::parse(request).unwrap()).await.unwrap();
    assert!(made.version.record.hsm);
    let backup =
        fixture.admin(BackupKey { vault: VaultName::Named("premium".into()), name: "hsm".into() }).await.unwrap();
    assert_eq!(code(fixture.restore("plain", &backup).await), Some(ErrorCode::SkuNotSupported));
    fixture.restore("strict", &backup).await.unwrap();
    // One that came in the clear.
    fixture.edit("web", |_, version| {
        let policy = version.policy.as_mut().unwrap();
        policy.set_origin(crate::keys::record::Origin::Imported);
    });
    let rooms = fixture.pipeline.unsealed().unwrap();
    let vault = fixture.vault("dev");
    rooms
        .keys
        .write(|_| {
            // Its blob is sealed to the changed policy.
            let view = rooms.keys.catalog.view();
            let vault = view.vault(vault).unwrap();
            let version = vault.key("web").unwrap().current().unwrap();
            let material = fixture.pipeline.backend.generate(version.key_type).unwrap();
            Ok((vec![rooms.keys.seal_version(vault, &version.policy, &material).unwrap()], ()))
        })
        .unwrap();
    let imported = fixture.backup("web").await.unwrap();
    assert_eq!(code(fixture.restore("strict", &imported).await), Some(ErrorCode::TemplateInconsistent));
    fixture.restore("plain", &imported).await.unwrap();
}

#[tokio::test]
async fn a_session_copy_ends_with_its_original() {
    use cryptoki_sys as ck;
    use softkeep_proto::{mechanism, pkcs11::v1::Attribute};

    use crate::{
        crypto::cipher::Cipher,
        ops::{encrypt_secret::EncryptSecret, method::Method},
    };
    let fixture = Fixture::new().await;
    let (vault, user) = (fixture.vault("dev"), fixture.user().await);
    let view = fixture.create(key("aes", "oct")).await.unwrap();
    let template = vec![Attribute { r#type: ck::CKA_TOKEN, value: vec![0].into() }];
    let object = KeyName::Object(view.version.id, ck::CKO_SECRET_KEY);
    let copy = CopyObject::parse(vault, object, template.clone(), &[]).unwrap();
    let copy = fixture.run(user.clone(), copy).await.unwrap().faces[0].sealed.clone();
    // And a copy of the copy.
    let again = CopyObject::parse(vault, KeyName::Sealed(copy.clone()), template, &[]).unwrap();
    let again = fixture.run(user.clone(), again).await.unwrap().faces[0].sealed.clone();
    let uses = async |blob: &bytes::Bytes| {
        let operation = EncryptSecret {
            vault: dev(),
            key: KeyName::Sealed(blob.clone()),
            method: Method { row: mechanism::find(ck::CKM_AES_ECB).unwrap(), how: Cipher::AesEcb },
            plaintext: vec![0; 16].into(),
        };
        code(fixture.run(user.clone(), operation).await)
    };
    let enabled = |enabled| v1::KeyAttributes { enabled: Some(enabled), ..Default::default() };
    for blob in [&copy, &again] {
        assert_eq!(uses(blob).await, None);
        fixture.attributes("aes", enabled(false)).await.unwrap();
        assert_eq!(uses(blob).await, Some(ErrorCode::KeyDisabled));
        fixture.attributes("aes", enabled(true)).await.unwrap();
        assert_eq!(uses(blob).await, None);
        fixture.delete("aes").await.unwrap();
        assert_eq!(uses(blob).await, Some(ErrorCode::KeyDisabled));
        fixture.admin(RecoverKey { vault: dev(), name: "aes".into() }).await.unwrap();
        assert_eq!(uses(blob).await, None);
    }
}
