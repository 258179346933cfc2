//! Vaults: made, changed, shown; and what is refused. Below: deleted and purged ones, groups.

use std::sync::atomic::AtomicUsize;

use softkeep_proto::v1::{AccessPolicy, NetworkRules};

use super::*;
use crate::{
    identity::pin_object_id,
    keys::record::{AssignmentRecord, CertificateRecord, SecretRecord, VaultRecord},
    ops::{
        check_vault_name::{CheckVaultName, NameCheck},
        create_group::CreateGroup,
        delete_group::DeleteGroup,
        get_deleted_vault::GetDeletedVault,
        get_group::GetGroup,
        get_vault::{GetVault, VaultView},
        init_token::InitToken,
        list_deleted_vaults::ListDeletedVaults,
        list_groups::ListGroups,
        purge_vault::{self, PurgeVault},
        recover_vault::RecoverVault,
        update_vault::UpdateVault,
    },
    policy::{VaultRef, roles},
    store::{Change, Compare, Revision, Row},
};

#[path = "vaults/deletion.rs"]
mod deletion;
#[path = "vaults/groups.rs"]
mod groups;

/// A store that stops taking writes after some transactions, as a daemon does that is killed.
struct Failing {
    inner: Arc<MemoryStore>,
    left: AtomicUsize,
}

impl Store for Failing {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
    fn get(&self, key: &str) -> Result<Option<Row>> {
        self.inner.get(key)
    }
    fn range(&self, prefix: &str) -> Result<Vec<Row>> {
        self.inner.range(prefix)
    }
    fn transact(&self, compares: Vec<Compare>, writes: Vec<Write>) -> Result<Revision> {
        // The audit log's anchor comes when it likes and is not counted.
        let is_anchor = writes.iter().any(|write| write.key() == row::AUDIT_ANCHOR);
        let may = |left: usize| left.checked_sub(1);
        if !is_anchor && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, may).is_err() {
            return Err(Error::new(ErrorCode::StoreFailed, "the store takes no writes until a restart"));
        }
        self.inner.transact(compares, writes)
    }
    fn revision(&self) -> Result<Revision> {
        self.inner.revision()
    }
    fn changes_since(&self, revision: Revision) -> Result<Vec<Change>> {
        self.inner.changes_since(revision)
    }
    fn snapshot_to(&self, path: &std::path::Path) -> Result<()> {
        self.inner.snapshot_to(path)
    }
}

impl Fixture {
    /// The same store under a daemon that can write it so many times.
    fn failing_after(&self, transactions: usize) -> Arc<Pipeline> {
        self.pipeline.seal("restarting");
        let store = Failing { inner: self.store.clone(), left: AtomicUsize::new(transactions) };
        let pipeline = Arc::new(Pipeline::new(Arc::new(store), Arc::new(AwsLc), &self.config).unwrap());
        pipeline.unseal_unattended();
        pipeline
    }

    async fn make_vault(&self, caller: Caller, request: v1::CreateVaultRequest) -> Result<VaultRef> {
        self.run(caller, CreateVault::parse(request, false)?).await
    }

    async fn make_group(&self, name: &str, location: &str) {
        let request = v1::CreateGroupRequest { name: name.into(), location: location.into(), ..Default::default() };
        self.run(Caller::Internal, CreateGroup::parse(request).unwrap()).await.unwrap();
    }

    async fn delete_vault(&self, name: &str) -> VaultRef {
        self.run(Caller::Internal, DeleteVault(named(name))).await.unwrap()
    }

    async fn change_vault(&self, caller: Caller, vault: v1::Vault, mask: &[&str]) -> Result<VaultRef> {
        self.run(caller, change("dev", vault, mask)?).await
    }

    async fn destroy_vault(&self, name: &str) -> Result<()> {
        self.run(Caller::Internal, purge(name)).await
    }

    /// Gives a role to a peer.
    fn give_role(&self, role: Id, peer: &Peer, scope: &str) {
        let rooms = self.pipeline.unsealed().unwrap();
        let id = Id::random().unwrap();
        let record = AssignmentRecord {
            id: id.0.to_vec(),
            role: role.0.to_vec(),
            principal: peer.object_id(rooms.keys.cluster).0.to_vec(),
            scope: scope.into(),
            created: clock::now_seconds(),
            created_by: String::new(),
        };
        rooms.keys.write(|_| Ok((vec![Entry::put(row::assignment(id), &record)], ()))).unwrap();
    }

    /// Changes a vault's record behind every verb's back.
    fn doctor_vault(&self, name: &str, change: impl FnOnce(&mut VaultRecord)) {
        let rooms = self.pipeline.unsealed().unwrap();
        let keys = &rooms.keys;
        let write = |_: &mut _| {
            let view = keys.catalog.view();
            let vault = view.every_vault().find(|vault| vault.record.name == name).unwrap();
            let mut record = VaultRecord::clone(&vault.record);
            change(&mut record);
            Ok((vec![Entry::put(row::vault(vault.id), &record)], ()))
        };
        keys.write(write).unwrap();
    }

    fn rows_of_vault(&self, vault: Id) -> Vec<String> {
        let id = vault.to_string();
        let rows = self.store.range("").unwrap().into_iter().map(|row| row.key);
        rows.filter(|key| key.contains(&id)).collect()
    }
}

fn named(name: &str) -> VaultName {
    VaultName::Named(name.into())
}

fn change(name: &str, vault: v1::Vault, mask: &[&str]) -> Result<UpdateVault> {
    let mut request = v1::UpdateVaultRequest { vault: Some(vault), update_mask: Some(Default::default()) };
    request.update_mask.as_mut().unwrap().paths.extend(mask.iter().map(|path| (*path).to_owned()));
    UpdateVault::parse(named(name), request)
}

fn purge(name: &str) -> PurgeVault {
    PurgeVault { name: name.into(), only_when_due: false }
}

fn request(name: &str) -> v1::CreateVaultRequest {
    v1::CreateVaultRequest { name: name.into(), ..Default::default() }
}

fn policy(object_id: &str, keys: &[&str]) -> AccessPolicy {
    let keys = keys.iter().map(|name| (*name).to_owned()).collect();
    AccessPolicy { object_id: object_id.into(), keys, ..AccessPolicy::default() }
}

const SOMEBODY: &str = "00010203-0405-4607-8809-0a0b0c0d0eff";

#[tokio::test]
async fn a_new_vault_has_azures_defaults_and_entries_for_its_users_and_its_maker() {
    let fixture = Fixture::new().await;
    let cluster = fixture.pipeline.unsealed().unwrap().keys.cluster;
    let root = Peer::Unix { uid: 0, pid: None };
    let vault = fixture.make_vault(Caller::Peer(root.clone()), request("Contoso")).await.unwrap();
    let record = &vault.record;
    assert_eq!(
        (record.location.as_str(), record.resource_group.as_str(), record.sku.as_str()),
        ("local", "", "standard")
    );
    assert_eq!((record.soft_delete_retention_days, record.purge_protection, record.rbac), (90, false, false));
    assert_eq!((record.created_by.as_str(), record.updated_by.as_str()), ("uid:0", "uid:0"));
    let [user, officer, maker] = &record.access_policies[..] else { panic!("{:?}", record.access_policies) };
    assert_eq!(user.object_id, pin_object_id(cluster, UserType::User, vault.id).0);
    assert_eq!((user.keys.as_slice(), user.secrets.len()), (["all".to_owned()].as_slice(), 0));
    assert_eq!(officer.object_id, pin_object_id(cluster, UserType::SecurityOfficer, vault.id).0);
    assert!(officer.keys.is_empty() && officer.secrets.is_empty() && officer.certificates.is_empty());
    assert_eq!(maker.object_id, root.object_id(cluster).0);
    assert!([&maker.keys, &maker.secrets, &maker.certificates, &maker.storage].iter().all(|list| list[..] == ["all"]));

    let without = v1::CreateVaultRequest { no_self_permissions: true, ..request("Bare") };
    let without = fixture.make_vault(Caller::Peer(root), without).await.unwrap();
    assert_eq!(without.record.access_policies.len(), 2);
    let own = fixture.make_vault(Caller::Internal, request("Own")).await.unwrap();
    assert_eq!(own.record.access_policies.len(), 2, "the daemon itself is nobody's principal");
}

#[tokio::test]
async fn a_new_vault_is_as_it_was_asked_for() {
    let fixture = Fixture::new().await;
    fixture.make_group("ContosoGroup", "East Asia").await;
    let network =
        NetworkRules { default_action: "deny".into(), ip_addresses: vec!["10.0.0.0/8".into()], ..Default::default() };
    let wish = v1::CreateVaultRequest {
        resource_group: "contosogroup".into(),
        sku: "Premium".into(),
        tags: [("a".to_owned(), "b".to_owned())].into(),
        soft_delete_retention_days: 7,
        purge_protection: true,
        enabled_for_deployment: true,
        enabled_for_template_deployment: true,
        authorization: "rbac".into(),
        access_policies: vec![policy(SOMEBODY, &["SIGN", "wrapkey", "sign", "All"])],
        network_rules: Some(network),
        public_network_access: "disabled".into(),
        publish_secrets: true,
        ..request("Contoso")
    };
    let vault = fixture.make_vault(Caller::Internal, wish.clone()).await.unwrap();
    let record = &vault.record;
    assert_eq!((record.resource_group.as_str(), record.location.as_str()), ("ContosoGroup", "eastasia"));
    assert_eq!((record.sku.as_str(), record.soft_delete_retention_days), ("premium", 7));
    assert!(record.purge_protection && record.rbac && record.publish_secrets);
    assert!(
        record.enabled_for_deployment && !record.enabled_for_disk_encryption && record.enabled_for_template_deployment
    );
    let network = record.network.as_ref().unwrap();
    assert_eq!((network.default_action.as_str(), network.bypass.as_str()), ("Deny", "AzureServices"));
    assert_eq!(record.public_network_access, "Disabled");
    assert_eq!(record.access_policies[2].keys, ["sign", "wrapKey", "all"]);
    assert_eq!(code(fixture.make_vault(Caller::Internal, wish).await), Some(ErrorCode::AlreadyExists));

    let elsewhere =
        v1::CreateVaultRequest { location: "West US".into(), resource_group: "ContosoGroup".into(), ..request("Two") };
    assert_eq!(fixture.make_vault(Caller::Internal, elsewhere).await.unwrap().record.location, "westus");
}

#[tokio::test]
async fn what_cannot_be_a_vault_is_refused_and_nothing_is_made() {
    let fixture = Fixture::new().await;
    let before = fixture.store.range("").unwrap();
    let bad = |change: fn(&mut v1::CreateVaultRequest)| {
        let mut request = request("Contoso");
        change(&mut request);
        request
    };
    let cases: [(&str, v1::CreateVaultRequest); 19] = [
        ("name", bad(|request| request.name = "1ab".into())),
        ("short name", bad(|request| request.name = "ab".into())),
        ("two hyphens", bad(|request| request.name = "a--b".into())),
        ("sku", bad(|request| request.sku = "gold".into())),
        ("retention", bad(|request| request.soft_delete_retention_days = 6)),
        ("retention", bad(|request| request.soft_delete_retention_days = 91)),
        ("location", bad(|request| request.location = "a/b".into())),
        ("group name", bad(|request| request.resource_group = "a.".into())),
        ("group name", bad(|request| request.resource_group = "a/b".into())),
        ("authorization", bad(|request| request.authorization = "none".into())),
        ("profile", bad(|request| request.profile = "lax".into())),
        ("wrapping", bad(|request| request.wrapping = "all".into())),
        ("strict", bad(|request| (request.profile, request.wrapping) = ("strict".into(), "any".into()))),
        ("access", bad(|request| request.public_network_access = "maybe".into())),
        (
            "address",
            bad(|request| {
                request.network_rules =
                    Some(NetworkRules { ip_addresses: vec!["10.0.0.0/33".into()], ..Default::default() });
            }),
        ),
        (
            "action",
            bad(|request| {
                request.network_rules = Some(NetworkRules { default_action: "perhaps".into(), ..Default::default() });
            }),
        ),
        ("permission", bad(|request| request.access_policies = vec![policy(SOMEBODY, &["fly"])])),
        ("principal", bad(|request| request.access_policies = vec![policy("me", &["sign"])])),
        ("twice", bad(|request| request.access_policies = vec![policy(SOMEBODY, &[]), policy(SOMEBODY, &[])])),
    ];
    for (what, request) in cases {
        assert_eq!(
            code(fixture.make_vault(Caller::Internal, request).await),
            Some(ErrorCode::InvalidArgument),
            "{what}"
        );
    }
    let nowhere = bad(|request| request.resource_group = "nowhere".into());
    assert_eq!(code(fixture.make_vault(Caller::Internal, nowhere).await), Some(ErrorCode::GroupNotFound));
    assert_eq!(code(fixture.make_vault(Caller::Internal, request("DEV")).await), Some(ErrorCode::AlreadyExists));
    let vaults = |rows: &[Row]| rows.iter().filter(|row| row.key.starts_with("vault/")).count();
    assert_eq!(vaults(&fixture.store.range("").unwrap()), vaults(&before));
}

#[tokio::test]
async fn the_configuration_says_what_decides_where_nobody_says_it() {
    let fixture = Fixture::new().await;
    let config =
        Config { vaults: config::Vaults { authorization: config::Authorization::Rbac }, ..fixture.config.clone() };
    fixture.pipeline.seal("restarting");
    let pipeline = Arc::new(Pipeline::new(fixture.store.clone(), Arc::new(AwsLc), &config).unwrap());
    pipeline.unseal_unattended();
    let fixture = Fixture { pipeline, ..fixture };
    assert!(fixture.make_vault(Caller::Internal, request("one")).await.unwrap().record.rbac);
    let told = v1::CreateVaultRequest { authorization: "access-policy".into(), ..request("two") };
    assert!(!fixture.make_vault(Caller::Internal, told).await.unwrap().record.rbac);
}

#[tokio::test]
async fn a_vault_changes_what_the_mask_names_and_no_more() {
    let fixture = Fixture::new().await;
    let told = v1::Vault {
        tags: [("a".to_owned(), "b".to_owned())].into(),
        sku: "PREMIUM".into(),
        purge_protection: true,
        enabled_for_deployment: true,
        enabled_for_disk_encryption: true,
        authorization: "rbac".into(),
        soft_delete_retention_days: 90,
        ..v1::Vault::default()
    };
    let changed =
        fixture.change_vault(Caller::Internal, told.clone(), &["sku", "enabled_for_deployment"]).await.unwrap();
    let record = &changed.record;
    assert_eq!((record.sku.as_str(), record.enabled_for_deployment), ("premium", true));
    assert!(record.tags.is_empty() && !record.purge_protection && !record.enabled_for_disk_encryption && !record.rbac);
    assert_eq!(record.updated_by, "softkeepd");
    let all = ["tags", "purge_protection", "authorization", "soft_delete_retention_days", "network_rules"];
    let changed = fixture.change_vault(Caller::Internal, told.clone(), &all).await.unwrap();
    assert!(changed.record.tags["a"] == "b" && changed.record.purge_protection && changed.record.rbac);

    let refuse = async |vault: v1::Vault, path: &str, expected| {
        assert_eq!(code(fixture.change_vault(Caller::Internal, vault, &[path]).await), Some(expected), "{path}");
    };
    let off = v1::Vault { purge_protection: false, ..told.clone() };
    refuse(off, "purge_protection", ErrorCode::InvalidArgument).await;
    let shorter = v1::Vault { soft_delete_retention_days: 7, ..told.clone() };
    refuse(shorter, "soft_delete_retention_days", ErrorCode::InvalidArgument).await;
    for path in ["name", "location", "slot_id", "profile", "nonsense", ""] {
        refuse(told.clone(), path, ErrorCode::InvalidArgument).await;
    }
    refuse(v1::Vault { sku: "gold".into(), ..told.clone() }, "sku", ErrorCode::InvalidArgument).await;
    refuse(v1::Vault::default(), "authorization", ErrorCode::InvalidArgument).await;
    assert_eq!(code(fixture.change_vault(Caller::Internal, told, &[]).await), Some(ErrorCode::InvalidArgument));
    let unknown = change("nowhere", v1::Vault::default(), &["tags"]).unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, unknown).await), Some(ErrorCode::VaultNotFound));
}

#[tokio::test]
async fn a_vault_with_hsm_keys_stays_premium() {
    let fixture = Fixture::new().await;
    fixture.doctor_vault("dev", |record| record.sku = "premium".into());
    fixture.key("dev", "hard", "EC-HSM").await;
    let cheap = || v1::Vault { sku: "standard".into(), ..v1::Vault::default() };
    let result = fixture.change_vault(Caller::Internal, cheap(), &["sku"]).await;
    assert_eq!(code(result), Some(ErrorCode::SkuNotSupported));
}

#[tokio::test]
async fn replaced_access_policies_leave_the_pin_users_an_empty_entry() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    fixture.run(user.clone(), sign("dev", "web")).await.unwrap();
    let told = v1::Vault { access_policies: vec![policy(SOMEBODY, &["sign"])], ..v1::Vault::default() };
    let changed = fixture.change_vault(Caller::Internal, told, &["access_policies"]).await.unwrap();
    assert_eq!(changed.record.access_policies.len(), 3);
    let signed = code(fixture.run(user.clone(), sign("dev", "web")).await);
    assert_eq!(signed, Some(ErrorCode::PermissionDenied), "a logged-in program goes on with what nobody gives it");
    let cluster = fixture.pipeline.unsealed().unwrap().keys.cluster;
    let pin_user = pin_object_id(cluster, UserType::User, fixture.vault("dev")).to_string();
    let told = v1::Vault { access_policies: vec![policy(&pin_user, &["sign"])], ..v1::Vault::default() };
    fixture.change_vault(Caller::Internal, told, &["access_policies"]).await.unwrap();
    fixture.run(user, sign("dev", "web")).await.unwrap();
}

#[tokio::test]
async fn changing_who_may_do_what_is_a_right_of_its_own() {
    let fixture = Fixture::new().await;
    fixture.give_role(roles::READER, &STRANGER, "");
    let peer = || Caller::Peer(STRANGER);
    let tags = || v1::Vault { tags: [("a".to_owned(), String::new())].into(), ..v1::Vault::default() };
    assert_eq!(code(fixture.change_vault(peer(), tags(), &["tags"]).await), Some(ErrorCode::PermissionDenied));
    let view: VaultView = fixture.run(peer(), GetVault(named("dev"))).await.unwrap();
    assert!(view.settings);
    fixture.give_role(roles::CONTRIBUTOR, &STRANGER, "");
    fixture.change_vault(peer(), tags(), &["tags"]).await.unwrap();
    for mask in [&["access_policies"][..], &["authorization"], &["tags", "access_policies"]] {
        let told = v1::Vault { authorization: "rbac".into(), ..tags() };
        assert_eq!(code(fixture.change_vault(peer(), told, mask).await), Some(ErrorCode::PermissionDenied), "{mask:?}");
    }
    fixture.give_role(roles::OWNER, &STRANGER, "");
    fixture.change_vault(peer(), tags(), &["tags", "access_policies"]).await.unwrap();
}

#[tokio::test]
async fn who_only_finds_a_token_is_not_told_its_settings() {
    let fixture = Fixture::new().await;
    for caller in [Caller::Peer(STRANGER), fixture.user().await, Caller::Peer(certificate())] {
        let view = fixture.run(caller.clone(), GetVault(named("dev"))).await.unwrap();
        assert!(!view.settings, "{caller}");
        assert!(
            fixture.run(caller, ListVaults { group: String::new() }).await.unwrap().iter().all(|view| !view.settings)
        );
    }
    assert!(fixture.run(Caller::Internal, GetVault(named("dev"))).await.unwrap().settings);
}

#[tokio::test]
async fn names_are_checked_before_a_vault_is_made() {
    let fixture = Fixture::new().await;
    let check = async |name: &str| fixture.run(Caller::Internal, CheckVaultName(name.into())).await.unwrap();
    assert!(matches!(check("fresh").await, NameCheck::Available));
    assert!(matches!(check("1").await, NameCheck::Invalid(_)));
    assert!(matches!(check("DEV").await, NameCheck::Taken(error) if error.code == ErrorCode::AlreadyExists));
}
