//! Every permission with an operation that needs it: who has that permission alone gets past the decision, who has all others does not.

use softkeep_proto::v1;

use super::world::{World, code};
use crate::{
    clock,
    error::{ErrorCode, Result},
    id::Id,
    identity::Caller,
    keys::record::{AccessPolicyRecord, RoleRecord, row},
    ops::{
        Operation, backup_certificate::BackupCertificate, backup_key::BackupKey, backup_secret::BackupSecret,
        create_group::CreateGroup, create_key::CreateKey, create_role_assignment::CreateRoleAssignment,
        decrypt::Decrypt, delete_certificate::DeleteCertificate, delete_group::DeleteGroup,
        delete_issuer::DeleteIssuer, delete_key::DeleteKey, delete_secret::DeleteSecret, delete_vault::DeleteVault,
        encrypt::Encrypt, explain_policy::ExplainPolicy, get_certificate::GetCertificate, get_group::GetGroup,
        get_issuer::GetIssuer, get_key::GetKey, get_rotation_policy::GetRotationPolicy, get_secret::GetSecret,
        list_certificates::ListCertificates, list_issuers::ListIssuers, list_keys::ListKeys, list_secrets::ListSecrets,
        purge_certificate::PurgeCertificate, purge_key::PurgeKey, purge_secret::PurgeSecret,
        recover_certificate::RecoverCertificate, recover_key::RecoverKey, recover_secret::RecoverSecret,
        restore_certificate::RestoreCertificate, restore_key::RestoreKey, restore_secret::RestoreSecret,
        rotate_key::RotateKey, set_access_policy::SetAccessPolicy, set_contacts::SetContacts, set_issuer::SetIssuer,
        set_role_definition::SetRoleDefinition, set_rotation_policy::SetRotationPolicy, set_secret::SetSecret,
        sign::Sign, update_key::UpdateKey, update_secret::UpdateSecret, update_vault::UpdateVault, verify::Verify,
    },
    policy::{Area, KeyName, Permission, PermissionSet, VaultName, scope::Scope},
};

const VAULT: &str = "policies";

fn vault() -> VaultName {
    VaultName::Named(VAULT.into())
}

fn web() -> KeyName {
    KeyName::Named("web".into(), None)
}

/// One operation that somebody asks for, as far as the decision.
type Ask = fn(&World, &Caller) -> Option<ErrorCode>;

fn decide<O: Operation>(world: &World, caller: &Caller, operation: Result<O>) -> Option<ErrorCode> {
    let rooms = world.rooms();
    code(rooms.policy.authorize(&rooms.keys, caller.clone(), operation.unwrap(), clock::now_seconds()))
}

fn name() -> String {
    "web".into()
}

fn issuer(world: &World, caller: &Caller, mask: Option<Vec<String>>) -> Option<ErrorCode> {
    let issuer = v1::Issuer { name: name(), provider: "softkeep-ca".into(), ..Default::default() };
    decide(world, caller, SetIssuer::parse(vault(), issuer, String::new(), mask))
}

/// TABLE: an operation for each permission that somebody can be granted.
const OPERATIONS: &[(&str, Ask)] = &[
    ("get", |w, c| decide(w, c, Ok(GetKey(vault(), web())))),
    ("list", |w, c| decide(w, c, Ok(ListKeys { vault: vault(), after: String::new(), limit: 1 }))),
    ("create", |w, c| {
        let request =
            v1::CreateKeyRequest { vault: VAULT.into(), name: "new".into(), kty: "EC".into(), ..Default::default() };
        decide(w, c, CreateKey::parse(request))
    }),
    ("update", |w, c| {
        let mut request = v1::UpdateKeyRequest::default();
        request.update_mask.get_or_insert_default().paths.push("tags".into());
        decide(w, c, UpdateKey::parse(vault(), web(), request))
    }),
    ("delete", |w, c| decide(w, c, Ok(DeleteKey { vault: vault(), name: name() }))),
    ("recover", |w, c| decide(w, c, Ok(RecoverKey { vault: vault(), name: name() }))),
    ("purge", |w, c| decide(w, c, Ok(PurgeKey::now(vault(), name())))),
    ("backup", |w, c| decide(w, c, Ok(BackupKey { vault: vault(), name: name() }))),
    ("restore", |w, c| decide(w, c, RestoreKey::parse(vault(), vec![1]))),
    ("rotate", |w, c| decide(w, c, RotateKey::parse(vault(), name(), String::new()))),
    ("getrotationpolicy", |w, c| decide(w, c, Ok(GetRotationPolicy { vault: vault(), name: name() }))),
    ("setrotationpolicy", |w, c| {
        let policy = v1::RotationPolicy { name: name(), ..Default::default() };
        decide(w, c, SetRotationPolicy::parse(vault(), &policy))
    }),
    ("sign", |w, c| {
        let request = v1::SignRequest { key: None, algorithm: "ES256".into(), digest: vec![7; 32] };
        decide(w, c, Sign::parse(vault(), web(), request))
    }),
    ("verify", |w, c| {
        let request = v1::VerifyRequest {
            algorithm: "ES256".into(),
            digest: vec![7; 32],
            signature: vec![7; 64],
            ..Default::default()
        };
        decide(w, c, Verify::parse(vault(), web(), request))
    }),
    ("encrypt", |w, c| {
        let request = v1::EncryptRequest { algorithm: "RSA-OAEP".into(), ..Default::default() };
        decide(w, c, Encrypt::<false>::parse(vault(), web(), request))
    }),
    ("decrypt", |w, c| {
        let request = v1::DecryptRequest { algorithm: "RSA-OAEP".into(), ..Default::default() };
        decide(w, c, Decrypt::<false>::parse(vault(), web(), request))
    }),
    ("wrapKey", |w, c| {
        let request = v1::EncryptRequest { algorithm: "RSA-OAEP".into(), ..Default::default() };
        decide(w, c, Encrypt::<true>::parse(vault(), web(), request))
    }),
    ("unwrapKey", |w, c| {
        let request = v1::DecryptRequest { algorithm: "RSA-OAEP".into(), ..Default::default() };
        decide(w, c, Decrypt::<true>::parse(vault(), web(), request))
    }),
    ("secrets/get", |w, c| decide(w, c, Ok(GetSecret { vault: vault(), name: name(), version: None }))),
    ("secrets/list", |w, c| {
        decide(w, c, Ok(ListSecrets { vault: vault(), after: String::new(), limit: 1, deleted: false }))
    }),
    ("secrets/set", |w, c| {
        decide(w, c, SetSecret::parse(vault(), v1::SetSecretRequest { name: name(), ..Default::default() }))
    }),
    ("secrets/set", |w, c| {
        let mut request = v1::UpdateSecretRequest { name: name(), ..Default::default() };
        request.update_mask.get_or_insert_default().paths.push("tags".into());
        decide(w, c, UpdateSecret::parse(vault(), request))
    }),
    ("secrets/delete", |w, c| decide(w, c, Ok(DeleteSecret { vault: vault(), name: name() }))),
    ("secrets/recover", |w, c| decide(w, c, Ok(RecoverSecret { vault: vault(), name: name() }))),
    ("secrets/purge", |w, c| decide(w, c, Ok(PurgeSecret::now(vault(), name())))),
    ("secrets/backup", |w, c| decide(w, c, Ok(BackupSecret { vault: vault(), name: name() }))),
    ("secrets/restore", |w, c| decide(w, c, RestoreSecret::new(vault(), vec![1]))),
    ("certificates/get", |w, c| decide(w, c, Ok(GetCertificate { vault: vault(), name: name(), version: None }))),
    ("certificates/list", |w, c| {
        decide(
            w,
            c,
            Ok(ListCertificates {
                vault: vault(),
                after: String::new(),
                limit: 1,
                deleted: false,
                include_pending: false,
            }),
        )
    }),
    ("certificates/delete", |w, c| decide(w, c, Ok(DeleteCertificate { vault: vault(), name: name() }))),
    ("certificates/recover", |w, c| decide(w, c, Ok(RecoverCertificate { vault: vault(), name: name() }))),
    ("certificates/purge", |w, c| decide(w, c, Ok(PurgeCertificate::now(vault(), name())))),
    ("certificates/backup", |w, c| decide(w, c, Ok(BackupCertificate { vault: vault(), name: name() }))),
    ("certificates/restore", |w, c| decide(w, c, RestoreCertificate::parse(vault(), vec![1]))),
    ("certificates/managecontacts", |w, c| {
        let contact = v1::Contact { email: "ada@example.com".into(), ..Default::default() };
        decide(w, c, SetContacts::parse(vault(), vec![contact]))
    }),
    ("certificates/getissuers", |w, c| decide(w, c, Ok(GetIssuer { vault: vault(), name: name() }))),
    ("certificates/listissuers", |w, c| {
        decide(w, c, Ok(ListIssuers { vault: vault(), after: String::new(), limit: 1 }))
    }),
    ("certificates/setissuers", |w, c| issuer(w, c, None)),
    ("certificates/manageissuers", |w, c| issuer(w, c, Some(vec!["admins".into()]))),
    ("certificates/deleteissuers", |w, c| decide(w, c, Ok(DeleteIssuer { vault: vault(), name: name() }))),
    ("vaults/write", |w, c| {
        let mut request = v1::UpdateVaultRequest { vault: Some(v1::Vault::default()), ..Default::default() };
        request.update_mask.get_or_insert_default().paths.push("tags".into());
        decide(w, c, UpdateVault::parse(vault(), request))
    }),
    ("vaults/delete", |w, c| decide(w, c, Ok(DeleteVault(vault())))),
    ("vaults/accessPolicies/write", |w, c| {
        let request = v1::SetAccessPolicyRequest {
            principal: "ada".into(),
            keys: Some(v1::PermissionList::default()),
            ..Default::default()
        };
        decide(w, c, SetAccessPolicy::parse(vault(), request))
    }),
    ("vaults/accessPolicies/write", |w, c| {
        let told = v1::Vault { authorization: "rbac".into(), ..Default::default() };
        let mut request = v1::UpdateVaultRequest { vault: Some(told), ..Default::default() };
        request.update_mask.get_or_insert_default().paths.push("authorization".into());
        decide(w, c, UpdateVault::parse(vault(), request))
    }),
    ("groups/read", |w, c| decide(w, c, Ok(GetGroup("g1".into())))),
    ("groups/write", |w, c| {
        let request = v1::CreateGroupRequest { name: "g3".into(), ..Default::default() };
        decide(w, c, CreateGroup::parse(request))
    }),
    ("groups/delete", |w, c| decide(w, c, Ok(DeleteGroup("g1".into())))),
    ("roles/read", |w, c| {
        let ask = ExplainPolicy {
            principal: "ada".into(),
            permission: Permission::Sign,
            vault: None,
            object: None,
            version: None,
        };
        decide(w, c, Ok(ask))
    }),
    ("roles/assign", |w, c| {
        let (role, principal) = ("Owner".into(), "ada".into());
        decide(w, c, Ok(CreateRoleAssignment { role, principal, scope: Scope::default(), id: None }))
    }),
    ("roles/write", |w, c| {
        let definition = v1::RoleDefinition { name: "mine".into(), ..Default::default() };
        decide(w, c, SetRoleDefinition::parse(definition, w.cluster()))
    }),
];

/// What is decided on with other operations, or (release) is done by none.
const ELSEWHERE: [&str; 9] = [
    "import",
    "release",
    "unwrapObject",
    "derive",
    "certificates/create",
    "certificates/import",
    "certificates/update",
    "vaults/read",
    "vaults/purge",
];

fn grantable() -> impl Iterator<Item = Permission> {
    PermissionSet::all().iter().filter(|permission| !matches!(permission.area(), Area::Token | Area::Daemon))
}

/// Gives ada some permissions, those of the control plane by a role over everything.
fn grant(world: &World, ada: &Caller, permissions: impl Fn(Permission) -> bool) {
    let role = Id([9; 16]);
    let id = ada.object_id(world.cluster()).unwrap();
    let actions = grantable().filter(|one| one.area() == Area::Control && permissions(*one));
    let record = RoleRecord {
        id: role.0.to_vec(),
        name: "some".into(),
        actions: actions.map(|one| one.action().to_owned()).collect(),
        ..RoleRecord::default()
    };
    world.put(row::role(role), &record);
    let names = |area| {
        let some = grantable().filter(|one| one.area() == area && permissions(*one));
        some.map(|one| one.name().to_owned()).collect::<Vec<_>>()
    };
    let entry = AccessPolicyRecord {
        object_id: id.0.to_vec(),
        keys: names(Area::Key),
        secrets: names(Area::Secret),
        certificates: names(Area::Certificate),
        ..AccessPolicyRecord::default()
    };
    world.change_vault(VAULT, |record| {
        record.access_policies.retain(|other| other.object_id != id.0);
        record.access_policies.push(entry);
    });
}

#[tokio::test]
async fn each_operation_needs_its_own_permission_and_no_other() {
    let world = World::new().await;
    world.vault(VAULT, "g1", false).await;
    world.key(VAULT, "web").await;
    let ada = world.user("ada");
    world.give(&ada, Id([9; 16]), "");
    let is_refused = |code| matches!(code, Some(ErrorCode::PermissionDenied | ErrorCode::VaultNotFound));
    for (name, ask) in OPERATIONS {
        let asked = Permission::by_full_name(name).next().unwrap();
        // Who gives rights may give roles as well, in the same role.
        let gives = matches!(asked, Permission::WriteAccessPolicy | Permission::WriteRoles);
        grant(&world, &ada, |one| one.full_name() == *name || gives && one == Permission::AssignRoles);
        let alone = ask(&world, &ada);
        assert!(!is_refused(alone), "{name} alone is refused: {alone:?}");
        grant(&world, &ada, |one| one.full_name() != *name);
        let others = ask(&world, &ada);
        assert!(is_refused(others), "all but {name} is not refused: {others:?}");
    }
}

#[test]
fn every_permission_has_its_operation() {
    for permission in grantable() {
        let name = permission.full_name();
        let is_here = OPERATIONS.iter().any(|(one, _)| *one == name);
        assert!(is_here != ELSEWHERE.contains(&name), "{name}");
    }
}
