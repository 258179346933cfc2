//! Certificates after they were made: refusals that change nothing, attributes, deletion, backups, what is due, issuers, who may.

use super::*;

#[tokio::test]
async fn bad_files_change_nothing() {
    let vault = Vault::new().await;
    let files = Files::ec();
    files.openssl(&[
        "pkcs12",
        "-export",
        "-inkey",
        "key.pem",
        "-in",
        "cert.pem",
        "-out",
        "out.pfx",
        "-passout",
        "pass:secret",
    ]);
    let pfx = files.read("out.pfx");
    let other = Files::ec();
    let mismatch = [files.read("key.pem"), other.read("cert.pem")].concat();
    let weak = Files::new(&["-newkey", "rsa:1024"]);
    let ed448 = Files::new(&["-newkey", "ed448"]);
    let whole = |files: &Files| [files.read("key.pem"), files.read("cert.pem")].concat();
    vault.0.key("dev", "own-key", "EC").await;
    let secret = v1::SetSecretRequest { name: "own-secret".into(), value: b"x".to_vec(), ..Default::default() };
    vault.admin(SetSecret::parse(dev(), secret).unwrap()).await.unwrap();
    let revision = vault.revision();
    for (name, file, password, expected) in [
        ("a", pfx.clone(), "wrong", ErrorCode::PasswordIncorrect),
        ("a", pfx[..pfx.len() - 7].to_vec(), "secret", ErrorCode::CertificateInvalid),
        ("a", b"no".to_vec(), "", ErrorCode::CertificateInvalid),
        ("a", Vec::new(), "", ErrorCode::CertificateInvalid),
        ("a", mismatch, "", ErrorCode::CertificateInvalid),
        ("a", files.read("key.pem"), "", ErrorCode::CertificateInvalid),
        ("a", files.read("cert.pem"), "", ErrorCode::CertificateInvalid),
        ("a", whole(&weak), "", ErrorCode::KeyTooWeak),
        ("a", whole(&ed448), "", ErrorCode::UnsupportedAlgorithm),
        ("a b", pfx.clone(), "secret", ErrorCode::InvalidArgument),
        ("own-key", pfx.clone(), "secret", ErrorCode::AlreadyExists),
        ("own-secret", pfx.clone(), "secret", ErrorCode::AlreadyExists),
    ] {
        assert_eq!(code(vault.import(name, file, password).await), expected);
    }
    for name in ["own-key", "own-secret"] {
        assert_eq!(code(vault.create(name, policy("CN=x")).await), ErrorCode::AlreadyExists);
    }
    assert_eq!(vault.revision(), revision, "nothing was changed");
    assert!(vault.list(false, true).await.is_empty());
}

#[tokio::test]
async fn attributes_are_those_of_key_and_secret_too() {
    let vault = Vault::new().await;
    vault.create("site", policy("CN=a")).await.unwrap();
    let update = |enabled, mask: &[&str], policy| {
        let tags = [("a".to_owned(), "b".to_owned())].into();
        let mut request = v1::UpdateCertificateRequest {
            name: "site".into(),
            attributes: Some(v1::CertificateAttributes { enabled: Some(enabled), tags }),
            policy,
            ..Default::default()
        };
        request.update_mask.get_or_insert_default().paths = mask.iter().map(|path| (*path).to_owned()).collect();
        UpdateCertificate::parse(dev(), request)
    };
    let disabled = vault.admin(update(false, &["enabled", "tags"], None).unwrap()).await.unwrap();
    assert!(!disabled.version.unwrap().enabled);
    assert_eq!(code(vault.secret("site").await), ErrorCode::SecretDisabled);
    let key = vault.admin(GetKey(dev(), KeyName::Named("site".into(), None))).await.unwrap();
    assert!(!key.version.record.enabled && key.version.record.tags["a"] == "b");
    vault.admin(update(true, &["enabled"], None).unwrap()).await.unwrap();
    assert!(vault.secret("site").await.is_ok());
    assert_eq!(code(update(true, &["name"], None)), ErrorCode::InvalidArgument);
    let changed = vault.admin(update(true, &["policy"], Some(policy("CN=b"))).unwrap()).await.unwrap();
    assert_eq!(changed.certificate.policy.as_ref().unwrap().subject, "CN=b");
    let bad = SetCertificatePolicy::parse(dev(), "site".into(), Some(v1::CertificatePolicy::default()));
    assert_eq!(code(bad), ErrorCode::InvalidArgument);
    let set = SetCertificatePolicy::parse(dev(), "site".into(), Some(policy("CN=c"))).unwrap();
    assert_eq!(vault.admin(set).await.unwrap().certificate.policy.as_ref().unwrap().subject, "CN=c");
}

#[tokio::test]
async fn deletion_takes_key_and_secret_along_and_can_be_undone() {
    let vault = Vault::new().await;
    for name in ["site", "other"] {
        vault.create(name, policy("CN=a")).await.unwrap();
    }
    vault.admin(DeleteCertificate { vault: dev(), name: "Site".into() }).await.unwrap();
    assert_eq!(code(vault.get("site").await), ErrorCode::CertificateNotFound);
    assert_eq!(code(vault.secret("site").await), ErrorCode::SecretNotFound);
    let key = || GetKey(dev(), KeyName::Named("site".into(), None));
    assert_eq!(code(vault.admin(key()).await), ErrorCode::KeyNotFound);
    assert!(vault.faces("site", ck::CKO_CERTIFICATE).is_empty() && vault.faces("site", ck::CKO_PUBLIC_KEY).is_empty());
    assert_eq!(code(vault.create("site", policy("CN=b")).await), ErrorCode::NameDeleted);
    assert_eq!(
        (vault.list(false, true).await, vault.list(true, true).await),
        (vec!["other".into()], vec!["site".into()])
    );
    let deleted = vault.admin(GetDeletedCertificate { vault: dev(), name: "site".into() }).await.unwrap();
    let (deleted_at, purge) = (deleted.certificate.deleted.unwrap(), deleted.certificate.scheduled_purge.unwrap());
    assert_eq!(purge - deleted_at, 90 * DAY);
    vault.admin(RecoverCertificate { vault: dev(), name: "site".into() }).await.unwrap();
    assert!(vault.admin(key()).await.is_ok() && vault.secret("site").await.is_ok());
    assert_eq!(vault.faces("site", ck::CKO_CERTIFICATE).len(), 1);
    let again = vault.admin(RecoverCertificate { vault: dev(), name: "site".into() }).await;
    assert_eq!(code(again), ErrorCode::CertificateNotFound);
    assert_eq!(code(vault.admin(PurgeCertificate::now(dev(), "site".into())).await), ErrorCode::CertificateNotFound);
}

/// More versions than one transaction takes.
#[tokio::test]
async fn many_versions_are_kept_and_destroyed() {
    let vault = Vault::new().await;
    let reused = v1::CertificatePolicy { reuse_key: true, ..policy("CN=many") };
    for _ in 0..20 {
        vault.create("many", reused.clone()).await.unwrap();
    }
    let before = vault.get("many").await.unwrap().version.unwrap();
    let backup = vault.admin(BackupCertificate { vault: dev(), name: "many".into() }).await.unwrap();
    let restore = |vault: &str, backup: &[u8]| {
        RestoreCertificate::parse(VaultName::Named(vault.into()), backup.to_vec()).unwrap()
    };
    assert_eq!(code(vault.admin(restore("dev", &backup)).await), ErrorCode::AlreadyExists);
    let mut damaged = backup.clone();
    damaged[40] ^= 1;
    assert_eq!(code(vault.admin(restore("other", &damaged)).await), ErrorCode::BackupInvalid);

    vault.admin(DeleteCertificate { vault: dev(), name: "many".into() }).await.unwrap();
    let deleted = vault.admin(GetDeletedCertificate { vault: dev(), name: "many".into() }).await.unwrap();
    let purge = deleted.certificate.scheduled_purge.unwrap();
    assert_eq!((vault.due(purge_certificate::due, purge - 1), vault.due(purge_certificate::due, purge)), (0, 1));
    assert_eq!(code(vault.admin(restore("dev", &backup)).await), ErrorCode::NameDeleted);
    vault.admin(PurgeCertificate::now(dev(), "many".into())).await.unwrap();
    {
        let rooms = vault.0.pipeline.unsealed().unwrap();
        let left = rooms.keys.rows_of_vault(vault.0.vault("dev"));
        let prefixes = ["certificate/", "certversion/", "secret/", "secretversion/", "secretvalue/"];
        assert!(!left.iter().any(|row| prefixes.iter().any(|prefix| row.starts_with(prefix))), "{left:?}");
        assert_eq!(left.iter().filter(|row| row.starts_with("blob/")).count(), 1, "{left:?}");
    }
    let restored = vault.admin(restore("dev", &backup)).await.unwrap();
    assert_eq!(restored.version.unwrap().der, before.der);
    let list = ListCertificateVersions { vault: dev(), name: "many".into(), after: String::new(), limit: 100 };
    assert_eq!(vault.admin(list).await.unwrap().items.len(), 20);
    let pfx = Base64::decode_vec(std::str::from_utf8(&vault.secret("many").await.unwrap()).unwrap()).unwrap();
    assert_eq!(pfx::read(&pfx, "").unwrap().certificates, slice::from_ref(&before.der));
    assert_eq!(vault.faces("many", ck::CKO_CERTIFICATE).len(), 1);
    // And into another vault of the same daemon.
    vault.admin(restore("other", &backup)).await.unwrap();
    let key = GetKey(VaultName::Named("other".into()), KeyName::Named("many".into(), None));
    assert!(vault.admin(key).await.is_ok());
    let restarted = vault.0.restarted();
    assert!(restarted.unsealed().unwrap().keys.damaged.is_empty());
}

#[tokio::test]
async fn what_is_due_and_when() {
    let vault = Vault::new().await;
    vault.authority("root", None).await;
    let action = |action: &str, days, percentage| v1::CertificateLifetimeAction {
        action: action.into(),
        days_before_expiry: days,
        lifetime_percentage: percentage,
    };
    let renewing = |issuer: &str| v1::CertificatePolicy {
        issuer: issuer.into(),
        lifetime_actions: vec![action(AUTO_RENEW, 30, 0), action(EMAIL_CONTACTS, 0, 50)],
        ..policy("CN=a")
    };
    vault.create("own", renewing("Self")).await.unwrap();
    vault.create("issued", renewing("house")).await.unwrap();
    let read = vault.read("own").await;
    let (half, end) = ((read.not_before + read.not_after) / 2, read.not_after);
    let renewals = |now| vault.due(renew_certificate::due, now);
    let announced = |now| vault.due(announce_certificate::due, now);
    assert_eq!((renewals(end - 31 * DAY), renewals(end - 30 * DAY + 5)), (0, 2));
    assert_eq!(renewals(end + 1000 * DAY), 2, "after a long downtime too");
    assert_eq!((announced(half - DAY), announced(half + DAY)), (0, 2));

    // Nobody here can renew what others issue: their contacts are told when it is time.
    let foreign = v1::CertificatePolicy { lifetime_actions: vec![action(AUTO_RENEW, 30, 0)], ..renewing("Unknown") };
    let set = SetCertificatePolicy::parse(dev(), "own".into(), Some(foreign)).unwrap();
    vault.admin(set).await.unwrap();
    assert_eq!((renewals(end), announced(end - 30 * DAY + 5)), (1, 2));
    vault.admin(DeleteCertificate { vault: dev(), name: "own".into() }).await.unwrap();
    vault.admin(DeleteCertificate { vault: dev(), name: "issued".into() }).await.unwrap();
    assert_eq!((renewals(end), announced(end)), (0, 0));
}

#[tokio::test]
async fn issuers_and_contacts() {
    let vault = Vault::new().await;
    for (name, provider, account, expected) in [
        ("Self", "softkeep-ca", "root", ErrorCode::InvalidArgument),
        ("a b", "softkeep-ca", "root", ErrorCode::InvalidArgument),
        ("house", "", "root", ErrorCode::InvalidArgument),
        ("house", "softkeep-ca", "", ErrorCode::InvalidArgument),
        ("house", "softkeep-ca", "https://dev.vault.localhost/keys/root", ErrorCode::InvalidArgument),
    ] {
        assert_eq!(code(vault.issuer(name, provider, account).await), expected, "{name} {provider} {account}");
    }
    for name in ["House", "digicert", "third"] {
        vault.issuer(name, "softkeep-ca", "root").await.unwrap();
    }
    let stored = vault.admin(GetIssuer { vault: dev(), name: "house".into() }).await.unwrap().issuer;
    assert!(!stored.sealed_password.is_empty());
    assert!(!stored.sealed_password.windows(7).any(|window| window == b"hunter2"));
    let admins = vec![v1::IssuerAdmin { email: "a@b.c".into(), ..Default::default() }];
    let change = v1::Issuer { name: "house".into(), admins, provider: "x".into(), ..Default::default() };
    let set = SetIssuer::parse(dev(), change, String::new(), Some(vec!["admins".into()])).unwrap();
    assert_eq!(set.permission(), Permission::ManageIssuers);
    let changed = vault.admin(set).await.unwrap().issuer;
    assert_eq!((changed.admins.len(), changed.provider.as_str(), changed.enabled), (1, "softkeep-ca", true));
    assert_eq!(changed.sealed_password, stored.sealed_password);
    let unknown = v1::Issuer { name: "nobody".into(), ..Default::default() };
    let set = SetIssuer::parse(dev(), unknown, String::new(), Some(vec!["enabled".into()])).unwrap();
    assert_eq!(code(vault.admin(set).await), ErrorCode::IssuerNotFound);
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let page = vault.admin(ListIssuers { vault: dev(), after, limit: 2 }).await.unwrap();
        names.extend(page.items.iter().map(|view| view.issuer.name.clone()));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(names, ["digicert", "House", "third"]);
    vault.admin(DeleteIssuer { vault: dev(), name: "HOUSE".into() }).await.unwrap();
    assert_eq!(code(vault.admin(GetIssuer { vault: dev(), name: "house".into() }).await), ErrorCode::IssuerNotFound);

    let contact = |email: &str| v1::Contact { email: email.into(), ..Default::default() };
    assert_eq!(code(SetContacts::parse(dev(), vec![contact("nobody")])), ErrorCode::InvalidArgument);
    assert_eq!(code(SetContacts::parse(dev(), vec![contact("a@b.c"), contact("A@b.c")])), ErrorCode::InvalidArgument);
    let set = SetContacts::parse(dev(), vec![contact("a@b.c"), contact("d@e.f")]).unwrap();
    assert_eq!(vault.admin(set).await.unwrap().contacts.len(), 2);
    assert_eq!(vault.admin(GetContacts { vault: dev() }).await.unwrap().contacts.len(), 2);
    vault.admin(SetContacts::parse(dev(), vec![]).unwrap()).await.unwrap();
    assert!(vault.admin(GetContacts { vault: dev() }).await.unwrap().contacts.is_empty());
}

#[tokio::test]
async fn who_was_granted_nothing_does_nothing() {
    let vault = Vault::new().await;
    vault.create("site", policy("CN=a")).await.unwrap();
    let revision = vault.revision();
    for caller in [Caller::Peer(STRANGER), Caller::Peer(certificate()), vault.0.user().await] {
        let request =
            v1::CreateCertificateRequest { name: "x".into(), policy: Some(policy("CN=x")), ..Default::default() };
        let create = CreateCertificate::parse(dev(), request).unwrap();
        assert_eq!(code(vault.0.run(caller.clone(), create).await), ErrorCode::PermissionDenied);
        let backup = BackupCertificate { vault: dev(), name: "site".into() };
        assert_eq!(code(vault.0.run(caller.clone(), backup).await), ErrorCode::PermissionDenied);
        let delete = DeleteCertificate { vault: dev(), name: "site".into() };
        assert_eq!(code(vault.0.run(caller, delete).await), ErrorCode::PermissionDenied);
    }
    assert_eq!(vault.revision(), revision);
}
