//! Groups, and what becomes of the vaults in them.

use super::*;

#[tokio::test]
async fn groups_are_made_found_changed_and_forgotten() {
    let fixture = Fixture::new().await;
    fixture.make_group("ContosoGroup", "East Asia").await;
    let group = fixture.run(Caller::Internal, GetGroup("contosogroup".into())).await.unwrap();
    assert_eq!((group.name.as_str(), group.location.as_str(), group.tags.len()), ("ContosoGroup", "eastasia", 0));
    let again = |location: &str| v1::CreateGroupRequest {
        name: "CONTOSOGROUP".into(),
        location: location.into(),
        tags: [("a".to_owned(), "b".to_owned())].into(),
    };
    let tagged = fixture.run(Caller::Internal, CreateGroup::parse(again("eastasia")).unwrap()).await.unwrap();
    assert_eq!((tagged.name.as_str(), tagged.created, tagged.tags.len()), ("ContosoGroup", group.created, 1));
    let moved = fixture.run(Caller::Internal, CreateGroup::parse(again("westus")).unwrap()).await;
    assert_eq!(code(moved), Some(ErrorCode::AlreadyExists));
    for name in ["", "a.", "a/b", "a b", "ä", &"a".repeat(91)] {
        let request = v1::CreateGroupRequest { name: name.into(), ..Default::default() };
        assert_eq!(code(CreateGroup::parse(request)), Some(ErrorCode::InvalidArgument), "{name}");
    }
    let peer = || Caller::Peer(STRANGER);
    assert_eq!(code(fixture.run(peer(), GetGroup("ContosoGroup".into())).await), Some(ErrorCode::PermissionDenied));
    assert!(fixture.run(peer(), ListGroups).await.unwrap().is_empty());
    fixture.give_role(roles::READER, &STRANGER, "/resourceGroups/contosogroup");
    fixture.make_group("Other", "").await;
    assert_eq!(fixture.run(peer(), ListGroups).await.unwrap().len(), 1);
    assert_eq!(fixture.run(Caller::Internal, ListGroups).await.unwrap().len(), 2);
    let denied = fixture.run(peer(), DeleteGroup("ContosoGroup".into())).await;
    assert_eq!(code(denied), Some(ErrorCode::PermissionDenied));
    fixture.run(Caller::Internal, DeleteGroup("contosoGROUP".into())).await.unwrap();
    for gone in [
        code(fixture.run(Caller::Internal, GetGroup("ContosoGroup".into())).await),
        code(fixture.run(Caller::Internal, DeleteGroup("ContosoGroup".into())).await),
    ] {
        assert_eq!(gone, Some(ErrorCode::GroupNotFound));
    }
    // A new group of the name is not the old one's reader's.
    fixture.make_group("ContosoGroup", "").await;
    assert!(fixture.run(peer(), ListGroups).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_group_takes_its_vaults_along_also_in_two_goes() {
    let fixture = Fixture::new().await;
    fixture.make_group("Contoso", "westus").await;
    for number in 0..70 {
        let wish = v1::CreateVaultRequest { resource_group: "contoso".into(), ..request(&format!("vault{number}")) };
        fixture.make_vault(Caller::Internal, wish).await.unwrap();
    }
    fixture.key("vault0", "web", "EC").await;
    let listed = |group: &str| fixture.run(Caller::Internal, ListVaults { group: group.into() });
    assert_eq!(listed("CONTOSO").await.unwrap().len(), 70);
    assert_eq!(code(listed("nowhere").await), Some(ErrorCode::GroupNotFound));
    let stranger = fixture.run(Caller::Peer(STRANGER), ListVaults { group: "nowhere".into() }).await;
    assert_eq!(stranger.unwrap().len(), 0);

    let pipeline = fixture.failing_after(1);
    let broken = pipeline.run(Caller::Internal, Door::Grpc, DeleteGroup("Contoso".into())).await;
    assert_eq!(code(broken), Some(ErrorCode::StoreFailed));
    pipeline.seal("killed");
    let fixture = Fixture { pipeline: fixture.restarted(), ..fixture };
    let count = |fixture: &Fixture| fixture.pipeline.unsealed().unwrap().keys.catalog.view().deleted_vaults().len();
    assert_eq!(count(&fixture), 64);
    fixture.run(Caller::Internal, GetGroup("Contoso".into())).await.unwrap();
    fixture.run(Caller::Internal, DeleteGroup("Contoso".into())).await.unwrap();
    assert_eq!(count(&fixture), 70);
    assert_eq!(code(fixture.run(Caller::Internal, sign("vault0", "web")).await), Some(ErrorCode::VaultNotFound));

    let recovered = fixture.run(Caller::Internal, RecoverVault("vault0".into())).await.unwrap();
    assert_eq!(recovered.record.resource_group, "Contoso");
    fixture.run(Caller::Internal, sign("vault0", "web")).await.unwrap();
    let group = fixture.run(Caller::Internal, GetGroup("contoso".into())).await.unwrap();
    assert_eq!((group.name.as_str(), group.location.as_str()), ("Contoso", "westus"));
}
