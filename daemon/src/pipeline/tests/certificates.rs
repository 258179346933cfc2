//! Certificates from the policy to the purge: made here, merged, brought in; their keys and secrets; what PKCS#11 sees.

use std::slice;

use base64ct::{Base64, Encoding as _};
use cryptoki_sys as ck;
use softkeep_proto::{algorithm::SignScheme, pkcs11::v1::Attribute};

use super::*;
use crate::{
    crypto::{
        key_info, pem,
        pfx::{self, tests::Files},
        x509::{self, Contents, Read, Signer, Times, name},
    },
    keys::face::{Face, number},
    ops::{
        announce_certificate,
        backup_certificate::BackupCertificate,
        cancel_certificate_operation::CancelCertificateOperation,
        certificate_policy::{AUTO_RENEW, EMAIL_CONTACTS, PEM},
        create_certificate::CreateCertificate,
        delete_certificate::DeleteCertificate,
        delete_certificate_operation::DeleteCertificateOperation,
        delete_issuer::DeleteIssuer,
        get_certificate::GetCertificate,
        get_contacts::GetContacts,
        get_deleted_certificate::GetDeletedCertificate,
        get_issuer::GetIssuer,
        get_secret::{GetSecret, parse_version},
        import_certificate::ImportCertificate,
        issue_certificate::OperationView,
        list_certificate_versions::ListCertificateVersions,
        list_certificates::ListCertificates,
        list_issuers::ListIssuers,
        merge_certificate::MergeCertificate,
        new_certificate::CertificateView,
        purge_certificate::{self, PurgeCertificate},
        recover_certificate::RecoverCertificate,
        renew_certificate,
        restore_certificate::RestoreCertificate,
        set_certificate_policy::SetCertificatePolicy,
        set_contacts::SetContacts,
        set_issuer::SetIssuer,
        set_secret::SetSecret,
        update_certificate::UpdateCertificate,
    },
};

#[path = "certificates/attacks.rs"]
mod attacks;
#[path = "certificates/lifecycle.rs"]
mod lifecycle;

const DAY: i64 = 24 * 3600;

fn dev() -> VaultName {
    VaultName::Named("dev".into())
}

/// An elliptic-curve key is made quickly.
fn policy(subject: &str) -> v1::CertificatePolicy {
    v1::CertificatePolicy {
        subject: subject.into(),
        kty: "EC".into(),
        curve: "P-256".into(),
        exportable: true,
        validity_months: 12,
        ..Default::default()
    }
}

/// What one test asks of its daemon.
struct Vault(Fixture);

impl Vault {
    async fn new() -> Self {
        Self(Fixture::new().await)
    }

    async fn admin<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.0.run(Caller::Internal, operation).await
    }

    async fn create(&self, name: &str, policy: v1::CertificatePolicy) -> Result<OperationView> {
        self.create_as(name, policy, "").await
    }

    async fn create_as(&self, name: &str, policy: v1::CertificatePolicy, request_id: &str) -> Result<OperationView> {
        let request = v1::CreateCertificateRequest {
            name: name.into(),
            policy: Some(policy),
            request_id: request_id.into(),
            ..Default::default()
        };
        self.admin(CreateCertificate::parse(dev(), request)?).await
    }

    async fn get(&self, name: &str) -> Result<CertificateView> {
        self.admin(GetCertificate { vault: dev(), name: name.into(), version: None }).await
    }

    async fn read(&self, name: &str) -> Read {
        Read::parse(&self.get(name).await.unwrap().version.unwrap().der).unwrap()
    }

    async fn secret(&self, name: &str) -> Result<Vec<u8>> {
        let version = parse_version(name, "")?;
        let view = self.admin(GetSecret { vault: dev(), name: name.into(), version }).await?;
        Ok(view.value.to_vec())
    }

    async fn import(&self, name: &str, value: Vec<u8>, password: &str) -> Result<CertificateView> {
        let request =
            v1::ImportCertificateRequest { name: name.into(), value, password: password.into(), ..Default::default() };
        self.admin(ImportCertificate::parse(dev(), request)?).await
    }

    async fn merge(&self, name: &str, certificates: Vec<Vec<u8>>) -> Result<CertificateView> {
        let request = v1::MergeCertificateRequest { name: name.into(), certificates, ..Default::default() };
        self.admin(MergeCertificate::parse(dev(), request)?).await
    }

    async fn list(&self, deleted: bool, include_pending: bool) -> Vec<String> {
        let list = ListCertificates { vault: dev(), after: String::new(), limit: 2, deleted, include_pending };
        let mut names = Vec::new();
        let mut page = self.admin(list).await.unwrap();
        loop {
            names.extend(page.items.iter().map(|view| view.certificate.name.clone()));
            let Some(after) = page.next else { return names };
            let list = ListCertificates { vault: dev(), after, limit: 2, deleted, include_pending };
            page = self.admin(list).await.unwrap();
        }
    }

    /// PKCS#11's objects of a label and class.
    fn faces(&self, label: &str, class: u64) -> Vec<Arc<Face>> {
        let rooms = self.0.pipeline.unsealed().unwrap();
        let view = rooms.keys.catalog.view();
        let wanted = |kind, value: &[u8]| Attribute { r#type: kind, value: value.to_vec().into() };
        let template = [wanted(ck::CKA_LABEL, label.as_bytes()), wanted(ck::CKA_CLASS, &number(class))];
        view.vault_named("dev").unwrap().find(&template, |_| true)
    }

    /// Moves with every change in the vault, and with nothing else.
    fn revision(&self) -> u64 {
        let rooms = self.0.pipeline.unsealed().unwrap();
        let view = rooms.keys.catalog.view();
        view.vault_named("dev").unwrap().revision
    }

    fn due(&self, which: fn(&crate::keys::catalog::View, i64) -> Vec<crate::jobs::Job>, now: i64) -> usize {
        let rooms = self.0.pipeline.unsealed().unwrap();
        which(&rooms.keys.catalog.view(), now).len()
    }

    async fn authority(&self, name: &str, path_length: Option<u32>) {
        let authority = v1::CertificatePolicy {
            ca: true,
            path_length,
            validity_months: 120,
            ..policy(&format!("CN={name}, O=Contoso"))
        };
        self.create(name, authority).await.unwrap();
        self.issuer("house", "softkeep-ca", name).await.unwrap();
    }

    async fn issuer(&self, name: &str, provider: &str, account: &str) -> Result<crate::ops::get_issuer::IssuerView> {
        let issuer = v1::Issuer {
            name: name.into(),
            provider: provider.into(),
            account_id: account.into(),
            enabled: true,
            ..Default::default()
        };
        self.admin(SetIssuer::parse(dev(), issuer, "hunter2".into(), None)?).await
    }
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("a refusal").code
}

fn value(face: &Face, kind: u64) -> &[u8] {
    &face.attributes[&kind]
}

#[tokio::test]
async fn a_self_signed_certificate_is_complete_at_once() {
    let vault = Vault::new().await;
    let wanted = v1::CertificatePolicy { dns_names: vec!["contoso.com".into()], ..policy("CN=contoso.com, O=Contoso") };
    let made = vault.create("site", wanted).await.unwrap();
    assert_eq!((made.pending.status.as_str(), made.pending.csr.is_empty()), ("completed", false));
    let read = vault.read("site").await;
    assert_eq!(read.subject, "CN=contoso.com, O=Contoso");
    assert_eq!(read.alternative_names().dns_names, ["contoso.com"]);
    let now = clock::now_seconds();
    assert!(read.not_before < now && read.not_before > now - 1000);
    assert!((364 * DAY..=367 * DAY).contains(&(read.not_after - now)));

    // The key and the secret beside it.
    let version = vault.get("site").await.unwrap().version.unwrap();
    let key = vault.admin(GetKey(dev(), KeyName::Named("site".into(), None))).await.unwrap();
    assert_eq!((key.version.id.0.to_vec(), key.key.managed), (version.id.clone(), true));
    assert!(read.is_for(key.version.public().unwrap()));
    assert_eq!(
        (key.version.record.not_before, key.version.record.expires),
        (Some(read.not_before), Some(read.not_after))
    );
    assert!(!key.version.policy.is_home_grown(), "its secret tells the key");
    let bundle =
        pfx::read(&Base64::decode_vec(std::str::from_utf8(&vault.secret("site").await.unwrap()).unwrap()).unwrap(), "");
    let bundle = bundle.unwrap();
    assert_eq!(bundle.certificates, slice::from_ref(&version.der));
    assert!(read.is_for(&key_info::public_info_of_private(&bundle.key).unwrap()));

    // PKCS#11 shows it beside its key.
    let [face] = vault.faces("site", ck::CKO_CERTIFICATE).try_into().unwrap_or_else(|_| panic!("one certificate"));
    let [private] = vault.faces("site", ck::CKO_PRIVATE_KEY).try_into().unwrap_or_else(|_| panic!("one key"));
    assert_eq!(value(&face, ck::CKA_VALUE), version.der);
    assert_eq!(value(&face, ck::CKA_ID), value(&private, ck::CKA_ID));
    assert_eq!(value(&face, ck::CKA_SUBJECT), read.subject_der);
    assert_eq!(value(&face, ck::CKA_ISSUER), read.subject_der);
    assert_eq!(value(&face, ck::CKA_END_DATE).len(), 8);

    // Its next version takes the name; the last one keeps its certificate.
    vault.create("site", policy("CN=next")).await.unwrap();
    assert_eq!(vault.faces("site", ck::CKO_CERTIFICATE).len(), 1);
    let last = format!("site/{}", key.version.id);
    assert_eq!(vault.faces(&last, ck::CKO_CERTIFICATE).len(), 1);
    let list = ListCertificateVersions { vault: dev(), name: "SITE".into(), after: String::new(), limit: 1 };
    let page = vault.admin(list).await.unwrap();
    let list = ListCertificateVersions { vault: dev(), name: "site".into(), after: page.next.unwrap(), limit: 1 };
    assert!(vault.admin(list).await.unwrap().next.is_none());
}

#[tokio::test]
async fn it_survives_a_restart() {
    let vault = Vault::new().await;
    vault.create("site", policy("CN=a")).await.unwrap();
    vault.authority("root", None).await;
    let before = vault.get("site").await.unwrap();
    let restarted = vault.0.restarted();
    let get = GetCertificate { vault: dev(), name: "site".into(), version: None };
    let after = restarted.run(Caller::Internal, Door::Grpc, get).await.unwrap();
    assert!(before.version == after.version && before.certificate == after.certificate);
    let rooms = restarted.unsealed().unwrap();
    assert!(rooms.keys.damaged.is_empty());
    let view = rooms.keys.catalog.view();
    let dev = view.vault_named("dev").unwrap();
    assert_eq!(dev.faces_of(Id::from_bytes(&after.version.unwrap().id).unwrap()).len(), 3);
    assert_eq!(dev.issuers.len(), 1);
}

#[tokio::test]
async fn what_is_not_exportable_stays_here() {
    let vault = Vault::new().await;
    for (name, content_type) in [("pfx", ""), ("pem", PEM)] {
        let kept = v1::CertificatePolicy { exportable: false, content_type: content_type.into(), ..policy("CN=kept") };
        vault.create(name, kept).await.unwrap();
        let value = vault.secret(name).await.unwrap();
        let der = vault.get(name).await.unwrap().version.unwrap().der.clone();
        if content_type.is_empty() {
            let pfx = Base64::decode_vec(std::str::from_utf8(&value).unwrap()).unwrap();
            assert!(pfx::read(&pfx, "").err().unwrap().detail.contains("no private key"));
        } else {
            assert_eq!(pem::certificates(&value).unwrap(), [der]);
            assert!(!String::from_utf8(value).unwrap().contains("PRIVATE KEY"));
        }
        let key = vault.admin(GetKey(dev(), KeyName::Named(name.into(), None))).await.unwrap();
        assert!(key.version.policy.is_home_grown());
    }
    // What was never exportable does not become so.
    let leaving = v1::CertificatePolicy { reuse_key: true, exportable: true, ..policy("CN=kept") };
    assert_eq!(code(vault.create("pfx", leaving).await), ErrorCode::InvalidArgument);
    let exported = v1::CertificatePolicy { content_type: PEM.into(), ..policy("CN=out") };
    vault.create("out", exported).await.unwrap();
    let bundle = pem::read(&vault.secret("out").await.unwrap(), "").unwrap();
    assert!(vault.read("out").await.is_for(&key_info::public_info_of_private(&bundle.key).unwrap()));
}

#[tokio::test]
async fn a_key_is_reused_where_the_policy_says_so() {
    let vault = Vault::new().await;
    let again = v1::CertificatePolicy { reuse_key: true, ..policy("CN=a") };
    let mut keys = Vec::new();
    for wanted in [again.clone(), again.clone(), policy("CN=a")] {
        vault.create("site", wanted).await.unwrap();
        keys.push(vault.read("site").await.public().unwrap().spki_der);
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    let other = v1::CertificatePolicy { curve: "P-384".into(), ..again };
    assert_eq!(code(vault.create("site", other).await), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_request_is_answered_elsewhere() {
    let vault = Vault::new().await;
    vault.create("site", policy("CN=old")).await.unwrap();
    let old = vault.read("site").await;
    let asked = v1::CertificatePolicy { issuer: "unknown".into(), ..policy("CN=asked, O=Contoso") };
    for name in ["site", "new"] {
        let made = vault.create_as(name, asked.clone(), &format!("id-{name}")).await.unwrap();
        assert_eq!((made.pending.status.as_str(), made.pending.issuer.as_str()), ("inProgress", "Unknown"));
        let repeated = vault.create_as(name, asked.clone(), &format!("id-{name}")).await.unwrap();
        assert_eq!(repeated.pending, made.pending);
        assert_eq!(code(vault.create(name, asked.clone()).await), ErrorCode::Conflict);
        // What waits is no certificate yet, and its key is of no use.
        assert_eq!(vault.get(name).await.unwrap().version.is_some(), name == "site");
        let pending = Id::from_bytes(&made.pending.version).unwrap();
        let key = vault.admin(GetKey(dev(), KeyName::Named(name.into(), Some(pending)))).await.unwrap();
        assert!(!key.version.record.enabled);
        if name == "site" {
            let current = vault.admin(GetKey(dev(), KeyName::Named(name.into(), None))).await.unwrap();
            assert!(old.is_for(current.version.public().unwrap()), "the last version is the one that is meant");
        }

        let issue = |public: &key_info::PublicInfo| {
            let pkcs8 =
                AwsLc.generate(softkeep_proto::algorithm::KeyType::Ec(softkeep_proto::algorithm::Curve::P384)).unwrap();
            let authority = AwsLc.open(&pkcs8).unwrap();
            let own = key_info::public_info_of_private(&pkcs8).unwrap();
            let sign = |scheme: &SignScheme, input: &[u8]| authority.sign(scheme, input);
            let signer = Signer { public: &own, sign: &sign };
            let now = clock::now_seconds();
            let times = Times { not_before: now, not_after: now + DAY };
            let root = Contents { authority: Some(None), ..Contents::signing(name::parse("CN=root").unwrap()) };
            let root = x509::certificate(&root, &own, times, [1; 16], None, signer).unwrap();
            let leaf = Contents::signing(name::parse("CN=issued").unwrap());
            let leaf = x509::certificate(&leaf, public, times, [2; 16], Some(&Read::parse(&root).unwrap()), signer);
            (leaf.unwrap(), root)
        };
        let revision = vault.revision();
        let (foreign, root) = issue(&old.public().unwrap());
        assert_eq!(code(vault.merge(name, vec![foreign, root]).await), ErrorCode::CertificateInvalid);
        assert_eq!(code(vault.merge(name, vec![b"no".to_vec()]).await), ErrorCode::CertificateInvalid);
        assert_eq!(code(vault.merge(name, vec![]).await), ErrorCode::CertificateInvalid);
        assert_eq!(vault.revision(), revision, "nothing was changed");

        let (leaf, root) = issue(key.version.public().unwrap());
        let merged = vault.merge(name, vec![leaf.clone(), root.clone()]).await.unwrap().version.unwrap();
        assert_eq!((merged.der.clone(), merged.chain.clone()), (leaf, vec![root]));
        assert_eq!(merged.id, made.pending.version);
        let key = vault.admin(GetKey(dev(), KeyName::Named(name.into(), None))).await.unwrap();
        assert!(key.version.record.enabled && key.version.id.0[..] == merged.id[..]);
        assert!(vault.secret(name).await.is_ok());
        assert_eq!(vault.faces(name, ck::CKO_CERTIFICATE).len(), 1);
        assert_eq!(code(vault.merge(name, vec![merged.der.clone()]).await), ErrorCode::Conflict);
    }
}

#[tokio::test]
async fn a_request_is_given_up() {
    let vault = Vault::new().await;
    vault.create("site", policy("CN=old")).await.unwrap();
    let asked = v1::CertificatePolicy { issuer: "Unknown".into(), ..policy("CN=asked") };
    for name in ["site", "new"] {
        let made = vault.create(name, asked.clone()).await.unwrap();
        let there = |vault: &Vault| {
            vault
                .0
                .pipeline
                .unsealed()
                .unwrap()
                .keys
                .catalog
                .view()
                .vault_named("dev")
                .unwrap()
                .has_version(Id::from_bytes(&made.pending.version).unwrap())
        };
        assert!(there(&vault));
        let cancelled = vault.admin(CancelCertificateOperation { vault: dev(), name: name.into() }).await.unwrap();
        assert_eq!((cancelled.pending.status.as_str(), cancelled.pending.cancellation_requested), ("cancelled", true));
        assert!(!there(&vault), "its key is gone");
        let again = vault.admin(CancelCertificateOperation { vault: dev(), name: name.into() }).await;
        assert_eq!(code(again), ErrorCode::Conflict);
        vault.admin(DeleteCertificateOperation { vault: dev(), name: name.into() }).await.unwrap();
        assert_eq!(vault.get(name).await.is_ok(), name == "site");
        // And without cancelling it first.
        vault.create(name, asked.clone()).await.unwrap();
        vault.admin(DeleteCertificateOperation { vault: dev(), name: name.into() }).await.unwrap();
        let gone = vault.admin(DeleteCertificateOperation { vault: dev(), name: name.into() }).await;
        let expected = if name == "site" { ErrorCode::OperationNotFound } else { ErrorCode::CertificateNotFound };
        assert_eq!(code(gone), expected);
    }
    // The names are free again for keys and secrets of one's own.
    vault.0.key("dev", "new", "EC").await;
    assert_eq!(vault.list(false, true).await, ["site"]);
}

#[tokio::test]
async fn an_authority_of_the_vault_issues() {
    let vault = Vault::new().await;
    vault.authority("root", Some(1)).await;
    let house = |policy| v1::CertificatePolicy { issuer: "house".into(), ..policy };
    let middle = v1::CertificatePolicy { ca: true, path_length: Some(0), ..house(policy("CN=middle")) };
    vault.create("middle", middle.clone()).await.unwrap();
    vault.issuer("house", "softkeep-ca", "https://dev.vault.localhost/certificates/middle").await.unwrap();
    let long = v1::CertificatePolicy { validity_months: 600, ..house(policy("CN=leaf")) };
    let made = vault.create("leaf", long).await.unwrap();
    assert_eq!(made.pending.status, "completed");
    let (root, middle_read, leaf) = (vault.read("root").await, vault.read("middle").await, vault.read("leaf").await);
    assert!(root.issued(&middle_read) && middle_read.issued(&leaf) && !leaf.is_authority());
    assert!(leaf.not_after <= middle_read.not_after && middle_read.not_after <= root.not_after);
    let version = vault.get("leaf").await.unwrap().version.unwrap();
    assert_eq!(version.chain, [middle_read.der.clone(), root.der.clone()]);
    let pfx = Base64::decode_vec(std::str::from_utf8(&vault.secret("leaf").await.unwrap()).unwrap()).unwrap();
    assert_eq!(pfx::read(&pfx, "").unwrap().certificates.len(), 3);
    let dir = tempfile::tempdir().unwrap();
    for (file, der) in [("root.pem", &root.der), ("middle.pem", &middle_read.der), ("leaf.pem", &leaf.der)] {
        std::fs::write(dir.path().join(file), &*pem::write(None, slice::from_ref(der)).unwrap()).unwrap();
    }
    let verify = ["verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "middle.pem", "leaf.pem"];
    let verified = std::process::Command::new("openssl").args(verify).current_dir(dir.path()).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    // What an authority must be.
    assert_eq!(code(vault.create("below", middle).await), ErrorCode::CertificateInvalid);
    vault.issuer("house", "softkeep-ca", "leaf").await.unwrap();
    let refused = vault.create("other", house(policy("CN=x"))).await;
    assert_eq!(code(refused), ErrorCode::CertificateInvalid);
    vault.issuer("house", "softkeep-ca", "nobody").await.unwrap();
    assert_eq!(code(vault.create("other", house(policy("CN=x"))).await), ErrorCode::CertificateNotFound);
    vault.issuer("house", "softkeep-ca", "root").await.unwrap();
    assert_eq!(code(vault.create("root", house(policy("CN=x"))).await), ErrorCode::InvalidArgument);
    let attributes = Some(v1::CertificateAttributes { enabled: Some(false), ..Default::default() });
    let request = v1::UpdateCertificateRequest { name: "root".into(), attributes, ..Default::default() };
    vault.admin(UpdateCertificate::parse(dev(), request).unwrap()).await.unwrap();
    assert_eq!(code(vault.create("other", house(policy("CN=x"))).await), ErrorCode::KeyDisabled);
    let unknown = v1::CertificatePolicy { issuer: "stranger".into(), ..policy("CN=x") };
    assert_eq!(code(vault.create("other", unknown).await), ErrorCode::IssuerNotFound);
    assert!(vault.get("other").await.is_err(), "nothing was made");
    // Others issue nothing here, and get a request.
    vault.issuer("digicert", "DigiCert", "1234").await.unwrap();
    let asked = v1::CertificatePolicy { issuer: "digicert".into(), ..policy("CN=x") };
    let made = vault.create("other", asked).await.unwrap();
    assert_eq!(made.pending.status, "inProgress");
    assert!(made.pending.status_details.contains("DigiCert"));
}

#[tokio::test]
async fn a_pfx_and_a_pem_are_brought_in() {
    let vault = Vault::new().await;
    let files = Files::ec();
    let authority = Files::ec();
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
        "-certfile",
        authority.0.path().join("cert.pem").to_str().unwrap(),
    ]);
    let imported = vault.import("pfx", files.read("out.pfx"), "secret").await.unwrap();
    let version = imported.version.unwrap();
    assert_eq!(version.chain.len(), 1);
    let policy = imported.certificate.policy.clone().unwrap();
    assert_eq!((policy.issuer.as_str(), policy.subject.as_str(), policy.validity_months), ("Unknown", "CN=test", 1));
    assert_eq!((policy.kty.as_str(), policy.curve.as_str(), policy.exportable), ("EC", "P-256", true));
    let key = vault.admin(GetKey(dev(), KeyName::Named("pfx".into(), None))).await.unwrap();
    assert!(!key.version.policy.generated && key.key.managed);
    assert_eq!(vault.faces("pfx", ck::CKO_CERTIFICATE).len(), 1);

    let pem_file = [files.read("key.pem"), files.read("cert.pem")].concat();
    let request = v1::ImportCertificateRequest {
        name: "pem".into(),
        value: pem_file.clone(),
        policy: Some(v1::CertificatePolicy { issuer: "Self".into(), validity_months: 6, ..Default::default() }),
        request_id: "once".into(),
        ..Default::default()
    };
    let first = vault.admin(ImportCertificate::parse(dev(), request.clone()).unwrap()).await.unwrap();
    let again = vault.admin(ImportCertificate::parse(dev(), request).unwrap()).await.unwrap();
    assert_eq!(first.version.as_ref().unwrap().id, again.version.unwrap().id);
    assert_eq!(first.version.unwrap().content_type, PEM);
    let policy = first.certificate.policy.clone().unwrap();
    assert_eq!((policy.issuer.as_str(), policy.validity_months, policy.exportable), ("Self", 6, true));
    assert!(pem::read(&vault.secret("pem").await.unwrap(), "").is_ok());
    // By that policy the next version is made here.
    vault.create("pem", super::certificates::policy("CN=next")).await.unwrap();
}
