//! Secrets under rules: a certificate's, those of who may not read them, what lies in the store, what PKCS#11 shows, and requests of any form.

use super::*;

#[tokio::test]
async fn a_certificates_secret_is_read_and_changed_by_nobody_else() {
    let fixture = Fixture::new().await;
    set(&fixture, request("own", b"x")).await.unwrap();
    set_managed(&fixture, "tls").unwrap();
    set_managed(&fixture, "tls").unwrap();
    assert_eq!(code(set_managed(&fixture, "own")), Some(ErrorCode::AlreadyExists));
    assert_eq!(get(&fixture, "tls", "").await.unwrap(), b"pfx");
    assert_eq!(list(&fixture, false).await, ["own", "tls"]);
    assert_eq!(code(set(&fixture, request("tls", b"x")).await), Some(ErrorCode::ManagedObject));
    assert_eq!(code(delete(&fixture, "tls").await), Some(ErrorCode::ManagedObject));
    assert_eq!(code(backup(&fixture, "tls").await), Some(ErrorCode::ManagedObject));
    let words = v1::UpdateSecretRequest { content_type: "x".into(), ..Default::default() };
    assert_eq!(code(update(&fixture, "tls", words, &["content_type"]).await), Some(ErrorCode::ManagedObject));
    update(&fixture, "tls", v1::UpdateSecretRequest::default(), &["tags"]).await.unwrap();
    edit_secret(&fixture, "tls", |secret| (secret.deleted, secret.scheduled_purge) = (Some(1), Some(2)));
    assert_eq!(code(recover(&fixture, "tls").await), Some(ErrorCode::ManagedObject));
    assert_eq!(code(purge(&fixture, "tls").await), Some(ErrorCode::ManagedObject));
    assert!(purge_secret::due(&fixture.pipeline.unsealed().unwrap().keys.catalog.view(), i64::MAX).is_empty());
}

#[tokio::test]
async fn only_who_may_read_secrets_does() {
    let fixture = Fixture::new().await;
    set(&fixture, request("web", VALUE)).await.unwrap();
    let read = || GetSecret { vault: dev(), name: "web".into(), version: None };
    for caller in [Caller::Peer(STRANGER), Caller::Peer(certificate()), fixture.user().await] {
        let shown = caller.to_string();
        assert_eq!(code(fixture.run(caller, read()).await), Some(ErrorCode::PermissionDenied), "{shown}");
    }
}

#[tokio::test]
async fn values_lie_nowhere_but_sealed_and_a_swapped_one_is_noticed() {
    let fixture = Fixture::new().await;
    let [first, second] = [b"the first value".as_slice(), b"the other value"];
    let (a, b) =
        (set(&fixture, request("a", first)).await.unwrap(), set(&fixture, request("b", second)).await.unwrap());
    get(&fixture, "a", "").await.unwrap();
    let holds = |bytes: &[u8], value: &[u8]| bytes.windows(value.len()).any(|window| window == value);
    for stored in fixture.store.range("").unwrap() {
        assert!(!holds(&stored.value, first) && !holds(&stored.value, second), "{}", stored.key);
    }
    fixture.pipeline.seal("to close the log");
    for file in std::fs::read_dir(crate::audit::dir(&fixture.config.data_dir)).unwrap() {
        let path = file.unwrap().path();
        assert!(!holds(&std::fs::read(&path).unwrap(), first), "{}", path.display());
    }
    fixture.pipeline.unseal_unattended();
    // Whoever holds the root key's rows but not the seal: one value in the other's place.
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let value_row = |view: &SecretView| row::secret_value(vault, Id::from_bytes(&view.version.id).unwrap());
    let stored = fixture.store.get(&value_row(&b)).unwrap().unwrap().value;
    let body = crate::keys::record::Row::parse(&stored).unwrap().body.to_vec();
    rooms.keys.write(|_| Ok((vec![Entry { key: value_row(&a), body: Some(body) }], ()))).unwrap();
    assert_eq!(code(get(&fixture, "a", "").await), Some(ErrorCode::RecordDamaged));
    assert_eq!(get(&fixture, "b", "").await.unwrap(), second);
}

#[tokio::test]
async fn pages_go_by_name_and_skip_what_is_deleted() {
    let fixture = Fixture::new().await;
    for index in 0..25 {
        set(&fixture, request(&format!("s{index:02}"), b"x")).await.unwrap();
    }
    delete(&fixture, "s07").await.unwrap();
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let list = ListSecrets { vault: dev(), after, limit: 10, deleted: false };
        let page = fixture.run(Caller::Internal, list).await.unwrap();
        names.extend(page.items.iter().map(|view| view.secret.name.clone()));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(names, (0..25).filter(|index| *index != 7).map(|index| format!("s{index:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_vault_that_publishes_its_secrets_shows_them_as_data_objects() {
    use cryptoki_sys as ck;
    let fixture = Fixture::new().await;
    set(&fixture, request("Web", b"one")).await.unwrap();
    set(&fixture, request("gone", b"x")).await.unwrap();
    let vault = fixture.vault("dev");
    let user = fixture.user().await;
    let find = || FindObjects { vault, template: Vec::new(), after: None, offset: 0, limit: 0 };
    let secrets = |found: crate::ops::find_objects::Found| {
        let faces = found.faces.into_iter().filter(|face| face.class == ck::CKO_DATA);
        faces.map(|face| (face.unique_id, face)).collect::<BTreeMap<_, _>>()
    };
    assert!(secrets(fixture.run(user.clone(), find()).await.unwrap()).is_empty());
    edit_vault(&fixture, |vault| vault.publish_secrets = true);
    delete(&fixture, "gone").await.unwrap();
    let found = secrets(fixture.run(user.clone(), find()).await.unwrap());
    let [(id, face)] = found.iter().collect::<Vec<_>>()[..] else { panic!("{} objects", found.len()) };
    assert_eq!((face.attributes[&ck::CKA_LABEL].as_ref(), face.private), (b"Web".as_slice(), true));
    assert!(!face.attributes.contains_key(&ck::CKA_VALUE) && face.on_request == [ck::CKA_VALUE]);
    let out = Caller::Application(STRANGER, APPLICATION);
    assert!(secrets(fixture.run(out.clone(), find()).await.unwrap()).is_empty(), "private");

    let object = || KeyName::Object(*id, ck::CKO_DATA);
    let read = || ReadValues::new(vault, object(), vec![ck::CKA_VALUE]).unwrap();
    assert_eq!(code(fixture.run(out, read()).await), Some(ErrorCode::Unauthenticated));
    // The PIN user may use all keys and read no secret, unless the vault says so.
    assert_eq!(code(fixture.run(user.clone(), read()).await), Some(ErrorCode::PermissionDenied));
    edit_vault(&fixture, |vault| vault.access_policies.iter_mut().for_each(|entry| entry.secrets = vec!["get".into()]));
    let told = fixture.run(user.clone(), read()).await.unwrap();
    assert_eq!((told.len(), told[0].value.as_ref()), (1, b"one".as_slice()));
    set(&fixture, request("web", b"two")).await.unwrap();
    assert_eq!(fixture.run(user.clone(), read()).await.unwrap()[0].value.as_ref(), b"two", "the same object");

    let destroy = DestroyObject { vault, id: *id, class: ck::CKO_DATA };
    assert_eq!(code(fixture.run(user.clone(), destroy).await), Some(ErrorCode::ActionProhibited));
    let label = softkeep_proto::pkcs11::v1::Attribute { r#type: ck::CKA_LABEL, value: "x".into() };
    let change = SetAttributes::parse(vault, object(), vec![label]).unwrap();
    assert_eq!(code(fixture.run(user.clone(), change).await), Some(ErrorCode::ActionProhibited));
    let off = v1::SecretAttributes { enabled: Some(false), ..Default::default() };
    let off = v1::UpdateSecretRequest { attributes: Some(off), ..Default::default() };
    update(&fixture, "web", off, &["enabled"]).await.unwrap();
    assert_eq!(code(fixture.run(user.clone(), read()).await), Some(ErrorCode::SecretDisabled));
    edit_vault(&fixture, |vault| vault.publish_secrets = false);
    assert!(secrets(fixture.run(user.clone(), find()).await.unwrap()).is_empty());
    assert_eq!(code(fixture.run(user, read()).await), Some(ErrorCode::KeyNotFound));
}

#[test]
fn what_lies_in_the_store_has_the_field_numbers_that_it_had() {
    use prost::Message;
    let version = SecretVersionRecord { content_type: "t".into(), ordinal: 7, enabled: true, ..Default::default() };
    assert_eq!(version.encode_to_vec(), [0x18, 7, 0x30, 1, 0x52, 1, b't']);
    let secret = SecretRecord { name: "n".into(), managed: true, ..Default::default() };
    assert_eq!(secret.encode_to_vec(), [0x0a, 1, b'n', 0x30, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What may be set is what Key Vault's rules say, whatever the bytes are; and the words of a refusal have none of them.
    #[test]
    fn requests_of_any_form_are_read_or_refused(
        name in prop_oneof!["[a-zA-Z0-9-]{0,130}", ".{0,10}"],
        value in proptest::collection::vec(any::<u8>(), 0..64),
        content_type in ".{0,300}",
        (not_before, expires) in (any::<Option<i64>>(), any::<Option<i64>>()),
    ) {
        let attributes = v1::SecretAttributes { not_before, expires, ..Default::default() };
        let request = v1::SetSecretRequest {
            content_type: content_type.clone(),
            attributes: Some(attributes.clone()),
            ..request(&name, &value)
        };
        let is_name = (1..=127).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let in_order = !matches!((not_before, expires), (Some(start), Some(end)) if end <= start);
        let is_good = is_name && content_type.len() <= MAX_CONTENT_TYPE_BYTES && in_order;
        prop_assert_eq!(SetSecret::parse(dev(), request).is_ok(), is_good);
        let mut update = v1::UpdateSecretRequest { name: name.clone(), content_type, ..Default::default() };
        update.version = name.clone();
        update.attributes = Some(attributes);
        update.update_mask.get_or_insert_default().paths = vec![name];
        prop_assert!(UpdateSecret::parse(dev(), update).is_err());
    }

    /// Whatever a backup is, it is one of ours or refused.
    #[test]
    fn a_backup_of_any_form_is_refused(backup in proptest::collection::vec(any::<u8>(), 0..200)) {
        use prost::Message;
        prop_assert_eq!(RestoreSecret::new(dev(), backup.clone()).is_ok(), !backup.is_empty());
        let _ = crate::keys::record::SecretBackup::decode(backup.as_slice());
    }
}
