//! Vaults that are deleted, recovered and purged, also when that breaks off.

use super::*;

#[tokio::test]
async fn a_deleted_vault_keeps_its_name_and_comes_back_whole() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    fixture.run(user.clone(), sign("dev", "web")).await.unwrap();
    let before = fixture.pipeline.unsealed().unwrap().keys.catalog.view().vault_named("dev").unwrap().record.clone();
    let deleted = fixture.delete_vault("dev").await;
    let purge_in = deleted.record.scheduled_purge.unwrap() - deleted.record.deleted.unwrap();
    assert_eq!(purge_in, 90 * 24 * 3600);

    let gone = Some(ErrorCode::VaultNotFound);
    assert_eq!(code(fixture.run(user.clone(), sign("dev", "web")).await), gone);
    assert_eq!(code(fixture.run(Caller::Internal, sign("dev", "web")).await), gone);
    assert_eq!(code(fixture.run(Caller::Internal, GetVault(named("dev"))).await), gone);
    assert_eq!(code(fixture.run(Caller::Internal, DeleteVault(named("dev"))).await), gone);
    let tokens = fixture.run(Caller::Application(STRANGER, APPLICATION), ListTokens).await.unwrap();
    assert!(tokens.iter().all(|token| token.id != Some(deleted.id)));
    assert_eq!(code(fixture.make_vault(Caller::Internal, request("Dev")).await), Some(ErrorCode::NameDeleted));
    let check = fixture.run(Caller::Internal, CheckVaultName("dev".into())).await.unwrap();
    assert!(matches!(check, NameCheck::Taken(error) if error.code == ErrorCode::NameDeleted));
    let listed = fixture.run(Caller::Internal, ListDeletedVaults { group: String::new() }).await.unwrap();
    assert_eq!(listed.iter().map(|vault| vault.record.name.as_str()).collect::<Vec<_>>(), ["dev"]);
    assert_eq!(fixture.run(Caller::Internal, GetDeletedVault("DEV".into())).await.unwrap().id, deleted.id);

    let pipeline = fixture.restarted();
    let fixture = Fixture { pipeline, ..fixture };
    let recovered = fixture.run(Caller::Internal, RecoverVault("dev".into())).await.unwrap();
    let expected =
        VaultRecord { updated: recovered.record.updated, updated_by: "softkeepd".into(), ..(*before).clone() };
    assert_eq!(*recovered.record, expected);
    fixture.run(user, sign("dev", "web")).await.unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, RecoverVault("dev".into())).await), gone, "it is not deleted");
}

#[tokio::test]
async fn a_deleted_vault_is_not_everybodys_to_know_of() {
    let fixture = Fixture::new().await;
    fixture.delete_vault("dev").await;
    let peer = || Caller::Peer(STRANGER);
    let gone = Some(ErrorCode::VaultNotFound);
    assert_eq!(code(fixture.run(peer(), GetDeletedVault("dev".into())).await), gone);
    assert_eq!(code(fixture.run(peer(), RecoverVault("dev".into())).await), gone);
    assert_eq!(code(fixture.run(peer(), purge("dev")).await), gone);
    assert!(fixture.run(peer(), ListDeletedVaults { group: String::new() }).await.unwrap().is_empty());
    assert_eq!(code(fixture.run(peer(), CheckVaultName("dev".into())).await), Some(ErrorCode::PermissionDenied));
    fixture.give_role(roles::READER, &STRANGER, "");
    assert_eq!(fixture.run(peer(), ListDeletedVaults { group: String::new() }).await.unwrap().len(), 1);
    assert_eq!(code(fixture.run(peer(), purge("dev")).await), Some(ErrorCode::PermissionDenied));
    assert_eq!(code(fixture.run(peer(), RecoverVault("dev".into())).await), Some(ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn a_purged_vault_is_gone_and_its_name_is_free_for_another() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    let first = fixture.vault("dev");
    fixture.give_role(roles::OWNER, &STRANGER, "/providers/Microsoft.KeyVault/vaults/dev");
    assert_eq!(code(fixture.destroy_vault("dev").await), Some(ErrorCode::VaultNotFound), "it is not deleted");
    fixture.delete_vault("dev").await;
    fixture.destroy_vault("dev").await.unwrap();
    assert_eq!(fixture.rows_of_vault(first), Vec::<String>::new());
    assert!(!fixture.store.range("").unwrap().iter().any(|row| row.key.starts_with("assignment/")));
    for again in [
        code(fixture.destroy_vault("dev").await),
        code(fixture.run(Caller::Internal, RecoverVault("dev".into())).await),
    ] {
        assert_eq!(again, Some(ErrorCode::VaultNotFound));
    }
    let second = fixture.make_vault(Caller::Internal, request("dev")).await.unwrap();
    assert!(second.id != first);
    fixture.key("dev", "web", "EC").await;
    let result = fixture.run(Caller::Internal, RecoverVault("dev".into())).await;
    assert_eq!(code(result), Some(ErrorCode::VaultNotFound), "the name is another vault's now");
    assert_eq!(code(fixture.run(user, sign("dev", "web")).await), Some(ErrorCode::VaultNotFound), "an old login");
    let pipeline = fixture.restarted();
    assert_eq!(pipeline.unsealed().unwrap().keys.damaged, Vec::<String>::new());
}

#[tokio::test]
async fn purge_protection_keeps_a_vault_until_its_time() {
    let fixture = Fixture::new().await;
    fixture.doctor_vault("dev", |record| record.purge_protection = true);
    fixture.delete_vault("dev").await;
    assert_eq!(code(fixture.destroy_vault("dev").await), Some(ErrorCode::PurgeProtected));
    fixture.run(Caller::Internal, RecoverVault("dev".into())).await.unwrap();
    fixture.run(Caller::Internal, sign("dev", "web")).await.unwrap();
    fixture.delete_vault("dev").await;
    fixture.doctor_vault("dev", |record| record.scheduled_purge = Some(clock::now_seconds()));
    fixture.destroy_vault("dev").await.unwrap();
}

#[tokio::test]
async fn the_daemon_purges_only_what_is_still_due() {
    let fixture = Fixture::new().await;
    let due = |at| purge_vault::due(&fixture.pipeline.unsealed().unwrap().keys.catalog.view(), at).len();
    let deleted = fixture.delete_vault("dev").await;
    let time = deleted.record.scheduled_purge.unwrap();
    assert_eq!((due(time - 1), due(time)), (0, 1));
    let early = PurgeVault { name: "dev".into(), only_when_due: true };
    fixture.run(Caller::Internal, early).await.unwrap();
    fixture.run(Caller::Internal, RecoverVault("dev".into())).await.unwrap();
    // A record from before there was a time in it.
    fixture.delete_vault("dev").await;
    fixture.doctor_vault("dev", |record| record.scheduled_purge = None);
    assert_eq!((due(time - 1), due(time + 5)), (0, 1));
}

/// However soon after its first step a purge breaks off: nothing of the vault can be opened, its name is free, and the next daemon tidies up.
#[tokio::test]
async fn a_purge_that_breaks_off_is_done_and_goes_on() {
    for transactions in 1..=4 {
        let fixture = Fixture::new().await;
        for number in 0..80 {
            fixture.key("dev", &format!("k{number}"), "EC").await;
        }
        let kek = fixture.pipeline.unsealed().unwrap().keys.catalog.view().vault_named("dev").unwrap().kek().unwrap();
        let has_kek = |fixture: &Fixture| {
            let rows = fixture.store.range("").unwrap();
            rows.iter().any(|row| row.value.windows(kek.wrapped.len()).any(|window| window == kek.wrapped))
        };
        assert!(has_kek(&fixture));
        let vault = fixture.delete_vault("dev").await.id;
        let pipeline = fixture.failing_after(transactions);
        pipeline.run(Caller::Internal, Door::Grpc, purge("dev")).await.unwrap();
        pipeline.seal("killed");
        let left = fixture.rows_of_vault(vault);
        assert!(left.contains(&row::vault(vault)) && left.len() > 1, "{transactions}: {}", left.len());
        assert!(!left.contains(&row::kek(vault)) && !has_kek(&fixture));

        let pipeline = fixture.restarted();
        let rooms = pipeline.unsealed().unwrap();
        assert_eq!(rooms.keys.damaged, Vec::<String>::new());
        assert_eq!(rooms.keys.catalog.view().deleted_vaults().len(), 0);
        let fixture = Fixture { pipeline, ..fixture };
        let again = fixture.run(Caller::Internal, RecoverVault("dev".into())).await;
        assert_eq!(code(again), Some(ErrorCode::VaultNotFound));
        fixture.make_vault(Caller::Internal, request("dev")).await.unwrap();
        crate::jobs::wake_once(&fixture.pipeline, clock::now_seconds()).await;
        assert_eq!(fixture.rows_of_vault(vault), Vec::<String>::new());
        fixture.pipeline.seal("restarting");
        drop(rooms);
        assert!(fixture.restarted().unsealed().unwrap().keys.catalog.view().vault_named("dev").is_some());
    }
}

/// A purge whose first step fails has done nothing at all.
#[tokio::test]
async fn a_purge_that_cannot_begin_leaves_the_vault_to_be_recovered() {
    let fixture = Fixture::new().await;
    fixture.delete_vault("dev").await;
    let pipeline = fixture.failing_after(0);
    let result = pipeline.run(Caller::Internal, Door::Grpc, purge("dev")).await;
    assert_eq!(code(result), Some(ErrorCode::StoreFailed));
    pipeline.seal("killed");
    let fixture = Fixture { pipeline: fixture.restarted(), ..fixture };
    fixture.run(Caller::Internal, RecoverVault("dev".into())).await.unwrap();
    fixture.run(Caller::Internal, sign("dev", "web")).await.unwrap();
}

#[tokio::test]
async fn a_signature_under_way_does_not_outlive_its_vault() {
    let fixture = Fixture::new().await;
    fixture.run(Caller::Internal, sign("dev", "web")).await.unwrap();
    let rooms = fixture.pipeline.unsealed().unwrap();
    let authorize = || rooms.policy.authorize(&rooms.keys, Caller::Internal, sign("dev", "web"), clock::now_seconds());
    let (first, second) = (authorize().unwrap(), authorize().unwrap());
    fixture.delete_vault("dev").await;
    assert_eq!(code(Sign::run(first, &rooms)), Some(ErrorCode::VaultNotFound), "its open key is forgotten");
    fixture.destroy_vault("dev").await.unwrap();
    assert_eq!(code(Sign::run(second, &rooms)), Some(ErrorCode::VaultNotFound));
}

#[tokio::test]
async fn a_token_that_is_initialised_anew_loses_everything_softly() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault("dev");
    let rooms = fixture.pipeline.unsealed().unwrap();
    let secret = SecretRecord { name: "s".into(), ..SecretRecord::default() };
    let certificate = CertificateRecord { name: "c".into(), ..CertificateRecord::default() };
    let rows =
        vec![Entry::put(row::secret(vault, "s"), &secret), Entry::put(row::certificate(vault, "c"), &certificate)];
    rooms.keys.write(|_| Ok((rows, ()))).unwrap();
    let empty = || InitToken {
        vault: Some(vault),
        so_pin: Zeroizing::new(b"12345678".to_vec()),
        label: String::new(),
        publish_certificates: false,
    };
    let stranger = fixture.run(Caller::Peer(STRANGER), empty()).await;
    assert_eq!(code(stranger), Some(ErrorCode::PermissionDenied));
    fixture.give_role(roles::CONTRIBUTOR, &STRANGER, "");
    fixture.run(Caller::Peer(STRANGER), empty()).await.unwrap();
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).unwrap();
    let retention = Some(90 * 24 * 3600);
    let key = &vault.keys["web"].record;
    let kept = |deleted: Option<i64>, purge: Option<i64>| purge.zip(deleted).map(|(purge, deleted)| purge - deleted);
    assert_eq!(kept(key.deleted, key.scheduled_purge), retention);
    let secret = &vault.secrets.get_deleted("s").unwrap().record;
    assert_eq!(kept(secret.deleted, secret.scheduled_purge), retention);
    let certificate = &vault.certificates.get_deleted("c").unwrap().record;
    assert_eq!(kept(certificate.deleted, certificate.scheduled_purge), retention);
    assert!(vault.record.user_pin.is_none() && vault.record.so_pin.is_some());
}

#[tokio::test]
async fn a_pin_that_nobody_had_to_know_is_the_administrators_to_set() {
    let fixture = Fixture::new().await;
    fixture.give_role(roles::CONTRIBUTOR, &STRANGER, "");
    let bare = fixture.make_vault(Caller::Peer(STRANGER), request("bare")).await.unwrap().id;
    let init = || InitToken {
        vault: Some(bare),
        so_pin: Zeroizing::new(b"12345678".to_vec()),
        label: String::new(),
        publish_certificates: false,
    };
    let refused = fixture.run(Caller::Peer(STRANGER), init()).await;
    assert_eq!(code(refused), Some(ErrorCode::PermissionDenied));
    fixture.run(Caller::Internal, init()).await.unwrap();
}
