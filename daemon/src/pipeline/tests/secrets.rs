//! Secrets from the first version to the purge: exact bytes, who may read them, what never leaves, and what survives a restart.

use std::collections::BTreeMap;

use proptest::prelude::*;
use softkeep_proto::limits::{MAX_CONTENT_TYPE_BYTES, MAX_SECRET_VALUE_BYTES};

use super::*;
use crate::{
    jobs,
    keys::record::{SecretRecord, SecretVersionRecord, VaultRecord},
    ops::{
        backup_secret::BackupSecret,
        delete_secret::DeleteSecret,
        get_deleted_secret::GetDeletedSecret,
        get_secret::{GetSecret, SecretView, parse_version},
        list_secret_versions::ListSecretVersions,
        list_secrets::ListSecrets,
        new_secret::{self, NewSecret},
        purge_secret::{self, PurgeSecret},
        read_values::ReadValues,
        recover_secret::RecoverSecret,
        restore_secret::RestoreSecret,
        set_attributes::SetAttributes,
        set_secret::SetSecret,
        update_secret::UpdateSecret,
    },
};

#[path = "secrets/guarded.rs"]
mod guarded;

const VALUE: &[u8] = b"correct horse\n battery staple ";

fn dev() -> VaultName {
    VaultName::Named("dev".into())
}

fn request(name: &str, value: &[u8]) -> v1::SetSecretRequest {
    v1::SetSecretRequest { vault: "dev".into(), name: name.into(), value: value.to_vec(), ..Default::default() }
}

async fn set(fixture: &Fixture, request: v1::SetSecretRequest) -> Result<SecretView> {
    let vault = VaultName::Named(request.vault.clone());
    fixture.run(Caller::Internal, SetSecret::parse(vault, request)?).await
}

async fn get(fixture: &Fixture, name: &str, version: &str) -> Result<Vec<u8>> {
    let version = parse_version(name, version)?;
    let view = fixture.run(Caller::Internal, GetSecret { vault: dev(), name: name.into(), version }).await?;
    Ok(view.value.to_vec())
}

async fn list(fixture: &Fixture, deleted: bool) -> Vec<String> {
    let list = ListSecrets { vault: dev(), after: String::new(), limit: 1000, deleted };
    let page = fixture.run(Caller::Internal, list).await.unwrap();
    assert!(page.items.iter().all(|view| view.value.is_empty()), "a list tells no value");
    page.items.iter().map(|view| view.secret.name.clone()).collect()
}

async fn update(fixture: &Fixture, name: &str, request: v1::UpdateSecretRequest, mask: &[&str]) -> Result<SecretView> {
    let mut request = v1::UpdateSecretRequest { name: name.into(), ..request };
    request.update_mask.get_or_insert_default().paths = mask.iter().map(|path| (*path).to_owned()).collect();
    fixture.run(Caller::Internal, UpdateSecret::parse(dev(), request)?).await
}

async fn delete(fixture: &Fixture, name: &str) -> Result<SecretView> {
    fixture.run(Caller::Internal, DeleteSecret { vault: dev(), name: name.into() }).await
}

async fn purge(fixture: &Fixture, name: &str) -> Result<()> {
    fixture.run(Caller::Internal, PurgeSecret::now(dev(), name.into())).await
}

async fn recover(fixture: &Fixture, name: &str) -> Result<SecretView> {
    fixture.run(Caller::Internal, RecoverSecret { vault: dev(), name: name.into() }).await
}

async fn backup(fixture: &Fixture, name: &str) -> Result<Vec<u8>> {
    fixture.run(Caller::Internal, BackupSecret { vault: dev(), name: name.into() }).await
}

async fn restore(fixture: &Fixture, vault: &str, backup: Vec<u8>) -> Result<SecretView> {
    fixture.run(Caller::Internal, RestoreSecret::new(VaultName::Named(vault.into()), backup)?).await
}

fn version_of(view: &SecretView) -> String {
    Id::from_bytes(&view.version.id).unwrap().to_string()
}

/// Changes records behind the verbs' back.
fn edit_secret(fixture: &Fixture, name: &str, change: impl FnOnce(&mut SecretRecord)) {
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let write = |_: &mut crate::keys::ledger::Counters| {
        let view = rooms.keys.catalog.view();
        let mut record = (*view.vault(vault).unwrap().secrets.get_any(name).unwrap().record).clone();
        change(&mut record);
        Ok((vec![Entry::put(row::secret(vault, name), &record)], ()))
    };
    rooms.keys.write(write).unwrap();
}

fn edit_vault(fixture: &Fixture, change: impl FnOnce(&mut VaultRecord)) {
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let write = |_: &mut crate::keys::ledger::Counters| {
        let mut record = (*rooms.keys.catalog.view().vault(vault).unwrap().record).clone();
        change(&mut record);
        Ok((vec![Entry::put(row::vault(vault), &record)], ()))
    };
    rooms.keys.write(write).unwrap();
}

/// Writes what a certificate writes.
fn set_managed(fixture: &Fixture, name: &str) -> Result<()> {
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    rooms.keys.write(|counters| {
        let view = rooms.keys.catalog.view();
        let new = NewSecret {
            name: name.into(),
            version: Id::random()?,
            value: Zeroizing::new(b"pfx".to_vec()),
            content_type: "application/x-pkcs12".into(),
            enabled: true,
            not_before: None,
            expires: None,
            tags: BTreeMap::new(),
            managed: true,
            request_id: String::new(),
        };
        Ok((new_secret::entries(&rooms.keys, view.vault(vault).unwrap(), counters, new)?, ()))
    })
}

#[tokio::test]
async fn a_secret_comes_back_byte_for_byte_from_each_of_its_versions() {
    let fixture = Fixture::new().await;
    let attributes = v1::SecretAttributes {
        enabled: None,
        not_before: Some(1),
        expires: Some(2),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
    };
    let first = v1::SetSecretRequest {
        content_type: "text/plain".into(),
        attributes: Some(attributes),
        ..request("Web-Password", VALUE)
    };
    let first = set(&fixture, first).await.unwrap();
    assert_eq!((first.value.as_slice(), first.version.enabled), (VALUE, true));
    assert_eq!((first.version.not_before, first.version.expires), (Some(1), Some(2)));
    // Longer ago than its end: Key Vault tells it all the same.
    assert_eq!(get(&fixture, "web-password", "").await.unwrap(), VALUE);
    let second = set(&fixture, request("web-password", b"\0\xff")).await.unwrap();
    assert_eq!(second.secret.name, "Web-Password", "the name stays as it was first written");
    assert_eq!(get(&fixture, "WEB-PASSWORD", "").await.unwrap(), b"\0\xff");
    assert_eq!(get(&fixture, "web-password", &version_of(&first)).await.unwrap(), VALUE);
    set(&fixture, request("empty", b"")).await.unwrap();
    assert_eq!(get(&fixture, "empty", "").await.unwrap(), b"");

    let versions = |after: &str, limit| ListSecretVersions {
        vault: dev(),
        name: "web-password".into(),
        after: after.into(),
        limit,
    };
    let page = fixture.run(Caller::Internal, versions("", 1)).await.unwrap();
    assert_eq!((page.items.len(), page.next.as_deref()), (1, Some(version_of(&first).as_str())));
    let page = fixture.run(Caller::Internal, versions(&version_of(&first), 1)).await.unwrap();
    assert_eq!((version_of(&page.items[0]), page.next), (version_of(&second), None));
    let foreign = fixture.run(Caller::Internal, versions(&"0".repeat(32), 1)).await;
    assert_eq!(code(foreign), Some(ErrorCode::InvalidArgument));

    let pipeline = fixture.restarted();
    let again = GetSecret { vault: dev(), name: "web-password".into(), version: None };
    assert_eq!(pipeline.run(Caller::Internal, Door::Grpc, again).await.unwrap().value.as_slice(), b"\0\xff");
}

#[tokio::test]
async fn the_largest_secret_fits_and_one_byte_more_does_not() {
    let fixture = Fixture::new().await;
    let largest = vec![0x20; MAX_SECRET_VALUE_BYTES];
    assert_eq!(largest.len(), 25_600);
    set(&fixture, request("large", &largest)).await.unwrap();
    assert_eq!(get(&fixture, "large", "").await.unwrap(), largest);
    let bad = |change: &dyn Fn(&mut v1::SetSecretRequest)| {
        let mut request = request("large", b"x");
        change(&mut request);
        SetSecret::parse(dev(), request).err().map(|error| (error.code, error.detail))
    };
    let (code, detail) = bad(&|request| request.value = vec![0x41; MAX_SECRET_VALUE_BYTES + 1]).unwrap();
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(detail.contains("25600") && detail.contains("25601") && !detail.contains("AAAA"), "{detail}");
    let tags = |count: usize| (0..count).map(|index| (format!("t{index}"), String::new())).collect();
    let cases: [&dyn Fn(&mut v1::SetSecretRequest); 8] = [
        &|request| request.name = String::new(),
        &|request| request.name = "a_b".into(),
        &|request| request.name = "a".repeat(128),
        &|request| request.name = "a/b".into(),
        &|request| request.content_type = "x".repeat(MAX_CONTENT_TYPE_BYTES + 1),
        &|request| request.request_id = "x".repeat(65),
        &|request| request.attributes = Some(v1::SecretAttributes { tags: tags(16), ..Default::default() }),
        &|request| {
            let (not_before, expires) = (Some(9), Some(9));
            request.attributes = Some(v1::SecretAttributes { not_before, expires, ..Default::default() });
        },
    ];
    for (index, case) in cases.into_iter().enumerate() {
        assert_eq!(bad(case).map(|(code, _)| code), Some(ErrorCode::InvalidArgument), "case {index}");
    }
    assert_eq!(bad(&|request| request.content_type = "x".repeat(MAX_CONTENT_TYPE_BYTES)), None);
    let fifteen = |request: &mut v1::SetSecretRequest| {
        request.attributes = Some(v1::SecretAttributes { tags: tags(15), ..Default::default() });
    };
    assert_eq!(bad(&fifteen), None);
    assert_eq!(get(&fixture, "large", "").await.unwrap(), largest, "nothing has changed");
}

#[tokio::test]
async fn a_repeated_request_makes_one_version() {
    let fixture = Fixture::new().await;
    let once = v1::SetSecretRequest { request_id: "r1".into(), ..request("once", b"a") };
    let first = set(&fixture, once.clone()).await.unwrap();
    let second = set(&fixture, once.clone()).await.unwrap();
    assert_eq!((version_of(&first), second.value.as_slice()), (version_of(&second), b"a".as_slice()));
    let other = v1::SetSecretRequest { name: "another".into(), ..once.clone() };
    assert_eq!(code(set(&fixture, other).await), Some(ErrorCode::Conflict));
    let other = v1::SetSecretRequest { content_type: "text/html".into(), ..once };
    assert_eq!(code(set(&fixture, other).await), Some(ErrorCode::Conflict));
    assert_eq!(list(&fixture, false).await, ["once"]);
}

#[tokio::test]
async fn a_disabled_version_is_not_told_and_the_others_are() {
    let fixture = Fixture::new().await;
    let first = set(&fixture, request("web", b"one")).await.unwrap();
    set(&fixture, request("web", b"two")).await.unwrap();
    let off = v1::SecretAttributes { enabled: Some(false), ..Default::default() };
    let off = v1::UpdateSecretRequest { attributes: Some(off), ..Default::default() };
    let shown = update(&fixture, "web", off, &["enabled"]).await.unwrap();
    assert!(!shown.version.enabled && shown.value.is_empty());
    let refused = get(&fixture, "web", "").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::SecretDisabled);
    assert_eq!(refused.detail, "operation get is not allowed on a disabled secret");
    assert_eq!(get(&fixture, "web", &version_of(&first)).await.unwrap(), b"one");
    // What is absent in a mask goes back to what it is when nobody says.
    update(&fixture, "web", v1::UpdateSecretRequest::default(), &["enabled"]).await.unwrap();
    assert_eq!(get(&fixture, "web", "").await.unwrap(), b"two");
}

#[tokio::test]
async fn a_mask_changes_what_it_names_and_nothing_else() {
    let fixture = Fixture::new().await;
    let attributes = v1::SecretAttributes {
        not_before: Some(10),
        expires: Some(20),
        tags: [("a".to_owned(), "b".to_owned())].into(),
        enabled: None,
    };
    let first = v1::SetSecretRequest {
        content_type: "text/plain".into(),
        attributes: Some(attributes),
        ..request("web", VALUE)
    };
    set(&fixture, first).await.unwrap();
    let empty = v1::UpdateSecretRequest::default;
    let view = update(&fixture, "web", empty(), &["expires", "tags"]).await.unwrap();
    assert_eq!((view.version.not_before, view.version.expires), (Some(10), None));
    assert!(view.version.tags.is_empty() && view.version.content_type == "text/plain");
    let early = v1::SecretAttributes { expires: Some(10), ..Default::default() };
    let early = v1::UpdateSecretRequest { attributes: Some(early), ..empty() };
    assert_eq!(code(update(&fixture, "web", early, &["expires"]).await), Some(ErrorCode::InvalidArgument));
    for unknown in ["value", "name", "", "Enabled"] {
        let result = update(&fixture, "web", empty(), &[unknown]).await;
        assert_eq!(code(result), Some(ErrorCode::InvalidArgument), "{unknown}");
    }
    // Without a mask, what is there counts.
    let words = v1::UpdateSecretRequest { content_type: "text/html".into(), ..empty() };
    let view = update(&fixture, "web", words, &[]).await.unwrap();
    assert_eq!((view.version.content_type.as_str(), view.version.not_before), ("text/html", Some(10)));
    assert_eq!(get(&fixture, "web", "").await.unwrap(), VALUE);
    let other = v1::UpdateSecretRequest { version: "0".repeat(32), ..empty() };
    assert_eq!(code(update(&fixture, "web", other, &["tags"]).await), Some(ErrorCode::SecretNotFound));
}

#[tokio::test]
async fn deletion_hides_a_secret_until_it_is_recovered_or_purged() {
    let fixture = Fixture::new().await;
    let view = set(&fixture, request("web", VALUE)).await.unwrap();
    let deleted = delete(&fixture, "web").await.unwrap();
    let days = (deleted.secret.scheduled_purge.unwrap() - deleted.secret.deleted.unwrap()) / (24 * 3600);
    assert_eq!((days, deleted.value.is_empty()), (90, true));
    assert_eq!(code(get(&fixture, "web", "").await), Some(ErrorCode::SecretNotFound));
    assert_eq!(code(get(&fixture, "web", &version_of(&view)).await), Some(ErrorCode::SecretNotFound));
    assert_eq!(code(set(&fixture, request("WEB", b"other")).await), Some(ErrorCode::NameDeleted));
    assert_eq!(code(delete(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    assert_eq!(code(backup(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    assert_eq!((list(&fixture, false).await, list(&fixture, true).await), (vec![], vec!["web".to_owned()]));
    let shown = GetDeletedSecret { vault: dev(), name: "web".into() };
    assert_eq!(fixture.run(Caller::Internal, shown).await.unwrap().secret.deleted, deleted.secret.deleted);
    recover(&fixture, "web").await.unwrap();
    assert_eq!(get(&fixture, "web", "").await.unwrap(), VALUE);
    assert_eq!(code(recover(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    assert_eq!(code(purge(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    delete(&fixture, "web").await.unwrap();
    purge(&fixture, "web").await.unwrap();
    assert_eq!(code(recover(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    let rows = fixture.store.range("secret").unwrap();
    assert!(rows.is_empty(), "{:?}", rows.iter().map(|row| &row.key).collect::<Vec<_>>());
    set(&fixture, request("web", b"new")).await.unwrap();
    assert_eq!(get(&fixture, "web", "").await.unwrap(), b"new");
}

#[tokio::test]
async fn purge_protection_holds_until_the_day_and_the_daemon_purges_then() {
    let fixture = Fixture::new().await;
    edit_vault(&fixture, |vault| vault.purge_protection = true);
    let count = 70;
    for index in 0..count {
        set(&fixture, request("web", format!("{index}").as_bytes())).await.unwrap();
    }
    let deleted = delete(&fixture, "web").await.unwrap();
    assert_eq!(code(purge(&fixture, "web").await), Some(ErrorCode::PurgeProtected));
    let due = |at| purge_secret::due(&fixture.pipeline.unsealed().unwrap().keys.catalog.view(), at).len();
    let time = deleted.secret.scheduled_purge.unwrap();
    assert_eq!((due(time - 1), due(time)), (0, 1));
    edit_secret(&fixture, "web", |secret| secret.scheduled_purge = Some(clock::now_seconds()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(fixture.pipeline.clone(), stopped));
    for _ in 0..500 {
        if fixture.store.range("secret").unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    assert!(fixture.store.range("secret").unwrap().is_empty(), "all {count} versions are gone");
}

#[tokio::test]
async fn a_half_purged_secret_is_not_recovered_and_goes_on_being_purged() {
    let fixture = Fixture::new().await;
    for index in 0..3 {
        set(&fixture, request("web", format!("{index}").as_bytes())).await.unwrap();
    }
    let deleted = delete(&fixture, "web").await.unwrap();
    let (vault, current) = (fixture.vault("dev"), Id::from_bytes(&deleted.version.id).unwrap());
    let rooms = fixture.pipeline.unsealed().unwrap();
    let rows =
        vec![Entry::delete(row::secret_version(vault, current)), Entry::delete(row::secret_value(vault, current))];
    rooms.keys.write(|_| Ok((rows, ()))).unwrap();
    assert_eq!(code(recover(&fixture, "web").await), Some(ErrorCode::SecretNotFound));
    assert!(list(&fixture, true).await.is_empty());
    purge(&fixture, "web").await.unwrap();
    assert!(fixture.store.range("secret").unwrap().is_empty());
}

#[tokio::test]
async fn a_backup_brings_all_versions_back_where_the_name_is_free() {
    let fixture = Fixture::new().await;
    let mut versions = Vec::new();
    for index in 0..70_u8 {
        versions.push(version_of(&set(&fixture, request("Web", &[index; 40])).await.unwrap()));
    }
    let off = v1::SecretAttributes { enabled: Some(false), ..Default::default() };
    let off = v1::UpdateSecretRequest { version: versions[3].clone(), attributes: Some(off), ..Default::default() };
    update(&fixture, "web", off, &["enabled"]).await.unwrap();
    let backup = backup(&fixture, "web").await.unwrap();
    assert!(!backup.windows(20).any(|window| window == [7; 20]), "the backup is sealed");
    assert_eq!(code(restore(&fixture, "dev", backup.clone()).await), Some(ErrorCode::AlreadyExists));
    delete(&fixture, "web").await.unwrap();
    assert_eq!(code(restore(&fixture, "dev", backup.clone()).await), Some(ErrorCode::NameDeleted));
    purge(&fixture, "web").await.unwrap();
    let restored = restore(&fixture, "dev", backup.clone()).await.unwrap();
    assert_eq!((version_of(&restored), restored.secret.name.as_str()), (versions[69].clone(), "Web"));
    for (index, version) in versions.iter().enumerate() {
        match index {
            3 => assert_eq!(code(get(&fixture, "web", version).await), Some(ErrorCode::SecretDisabled)),
            _ => assert_eq!(get(&fixture, "web", version).await.unwrap(), [index as u8; 40]),
        }
    }
    restore(&fixture, "other", backup.clone()).await.unwrap();
    for broken in [vec![], backup[1..].to_vec(), [&backup[..], &[0]].concat(), vec![0; 100]] {
        assert_eq!(code(restore(&fixture, "other", broken).await), Some(ErrorCode::BackupInvalid));
    }
    let mut flipped = backup;
    flipped[50] ^= 1;
    assert_eq!(code(restore(&fixture, "other", flipped).await), Some(ErrorCode::BackupInvalid));
}
