//! Who gives rights, and that nobody gains by it what they were not given.

use softkeep_proto::v1;

use super::world::{STRANGER, World, code};
use crate::{
    clock,
    error::{ErrorCode, Result},
    id::Id,
    identity::{Caller, Peer, UserType, pin_object_id, subscription_id},
    keys::record::{GroupRecord, RoleRecord, row},
    ops::{
        create_principal::CreatePrincipal, create_role_assignment::CreateRoleAssignment,
        delete_access_policy::DeleteAccessPolicy, delete_role_assignment::DeleteRoleAssignment,
        explain_policy::ExplainPolicy, set_access_policy::SetAccessPolicy, set_role_definition::SetRoleDefinition,
        sign::Sign, sign_out::SignOut, update_principal::UpdatePrincipal,
    },
    policy::{
        KeyName, Permission, PermissionSet, Question, VaultName,
        roles::{BUILT_IN_ROLES, CONTRIBUTOR, OWNER},
        scope::Scope,
    },
};

const VAULT: &str = "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles";

fn role(name: &str) -> Id {
    BUILT_IN_ROLES.iter().find(|role| role.name == name).unwrap().id
}

async fn world() -> World {
    let world = World::new().await;
    world.vault("roles", "g1", true).await;
    world.vault("policies", "g1", false).await;
    world.vault("other", "g2", true).await;
    world.key("policies", "web").await;
    world
}

async fn give(world: &World, caller: &Caller, role: &str, to: &str, scope: &str) -> Result<Id> {
    let scope = Scope::parse(scope, subscription_id(world.cluster()))?;
    let operation = CreateRoleAssignment { role: role.into(), principal: to.into(), scope, id: None };
    world.run(caller, operation).await.map(|made| Id::from_bytes(&made.record.id).unwrap())
}

fn policy(vault: &str, principal: &str, keys: &[&str]) -> Result<SetAccessPolicy> {
    let request = v1::SetAccessPolicyRequest {
        principal: principal.into(),
        keys: Some(v1::PermissionList { names: keys.iter().map(|name| (*name).to_owned()).collect() }),
        ..Default::default()
    };
    SetAccessPolicy::parse(VaultName::Named(vault.into()), request)
}

fn sign() -> Sign {
    let request = v1::SignRequest { key: None, algorithm: "ES256".into(), digest: vec![7; 32] };
    Sign::parse(VaultName::Named("policies".into()), KeyName::Named("web".into(), None), request).unwrap()
}

#[tokio::test]
async fn who_may_not_give_rights_finds_no_other_way() {
    let world = world().await;
    let (ada, _) = (world.user("ada"), world.user("bobby"));
    for name in ["Contributor", "Key Vault Contributor", "Reader", "Key Vault Administrator", "Key Vault Reader"] {
        let assignment = world.give(&ada, role(name), "");
        for scope in ["", "/resourceGroups/g1", VAULT] {
            for given in ["Owner", name, "Key Vault Secrets User"] {
                let denied = give(&world, &ada, given, "ada", scope).await;
                assert_eq!(code(denied), Some(ErrorCode::PermissionDenied), "{name} gives {given} at {scope:?}");
            }
        }
        let set = policy("policies", "ada", &["all"]).unwrap();
        assert_eq!(code(world.run(&ada, set).await), Some(ErrorCode::PermissionDenied), "{name} writes a policy");
        let definition = v1::RoleDefinition { name: "mine".into(), actions: vec!["*".into()], ..Default::default() };
        let operation = SetRoleDefinition::parse(definition, world.cluster()).unwrap();
        assert_eq!(code(world.run(&ada, operation).await), Some(ErrorCode::PermissionDenied), "{name} makes a role");
        let own = world.run(&ada, DeleteRoleAssignment(assignment)).await;
        assert_eq!(code(own), Some(ErrorCode::PermissionDenied), "{name} takes a role");
        world.take(assignment);
    }
}

#[tokio::test]
async fn nobody_gives_a_role_beyond_their_own_scope() {
    let world = world().await;
    let (ada, _) = (world.user("ada"), world.user("bobby"));
    world.give(&ada, OWNER, "/resourceGroups/g1");
    for scope in ["/resourceGroups/g1", VAULT, "/providers/Microsoft.KeyVault/vaults/roles"] {
        let made = give(&world, &ada, "Key Vault Reader", "bobby", scope).await.unwrap();
        world.run(&ada, DeleteRoleAssignment(made)).await.unwrap();
    }
    for scope in [
        "",
        "/resourceGroups/g2",
        "/resourceGroups/g2/providers/Microsoft.KeyVault/vaults/other",
        "/providers/Microsoft.KeyVault/vaults/other",
    ] {
        let denied = give(&world, &ada, "Key Vault Reader", "bobby", scope).await;
        assert_eq!(code(denied), Some(ErrorCode::PermissionDenied), "{scope:?}");
    }
    // A vault is in the group that it is in, whatever the caller says.
    let lie =
        give(&world, &ada, "Key Vault Reader", "bobby", "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/other");
    assert_eq!(code(lie.await), Some(ErrorCode::PermissionDenied));
    // What somebody else was given elsewhere stays.
    let bobbys = world.give(&world.as_caller("bobby"), CONTRIBUTOR, "/resourceGroups/g2");
    assert_eq!(code(world.run(&ada, DeleteRoleAssignment(bobbys)).await), Some(ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn the_data_access_administrator_gives_its_eight_roles_and_no_others() {
    let world = world().await;
    let (ada, _) = (world.user("ada"), world.user("bobby"));
    let giver = BUILT_IN_ROLES.iter().find(|role| role.name == "Key Vault Data Access Administrator").unwrap();
    world.give(&ada, giver.id, "");
    for role in &BUILT_IN_ROLES {
        let given = give(&world, &ada, role.name, "bobby", VAULT).await;
        let expected = if giver.gives.contains(&role.id) { None } else { Some(ErrorCode::PermissionDenied) };
        assert_eq!(code(given), expected, "{}", role.name);
    }
    let owners = world.give(&world.as_caller("bobby"), OWNER, "");
    assert_eq!(code(world.run(&ada, DeleteRoleAssignment(owners)).await), Some(ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn only_administrators_make_administrators_or_anybody() {
    let world = world().await;
    let ada = world.user("ada");
    world.give(&ada, OWNER, "");
    for administrator in [false, true] {
        let request = v1::CreatePrincipalRequest {
            kind: "User".into(),
            name: "eve".into(),
            password: "a long password".into(),
            administrator,
            ..Default::default()
        };
        let made = world.run(&ada, CreatePrincipal::parse(request).unwrap()).await;
        assert_eq!(code(made), Some(ErrorCode::PermissionDenied));
        let mut request = v1::UpdatePrincipalRequest { principal: "ada".into(), administrator, ..Default::default() };
        request.update_mask.get_or_insert_default().paths.push("administrator".into());
        let changed = world.run(&ada, UpdatePrincipal::parse(request).unwrap()).await;
        assert_eq!(code(changed), Some(ErrorCode::PermissionDenied));
    }
    let out = world.run(&ada, SignOut::Principal("bobby".into())).await;
    assert_eq!(code(out), Some(ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn a_role_of_ones_own_is_made_and_changed_where_one_may_give_rights() {
    let world = world().await;
    let ada = world.user("ada");
    let set = async |caller: &Caller, scopes: &[&str], data_actions: &[&str]| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let definition = v1::RoleDefinition {
            name: "Signer".into(),
            data_actions: texts(data_actions),
            assignable_scopes: texts(scopes),
            ..Default::default()
        };
        let operation = SetRoleDefinition::parse(definition, world.cluster())?;
        world.run(caller, operation).await
    };
    let sign = "Microsoft.KeyVault/vaults/keys/sign/action";
    // Who may make roles but not give them could change one that they hold.
    let maker = RoleRecord {
        id: vec![9; 16],
        name: "Maker".into(),
        actions: vec!["Microsoft.Authorization/roleDefinitions/write".into()],
        ..RoleRecord::default()
    };
    world.put(row::role(Id([9; 16])), &maker);
    let assignment = world.give(&ada, Id([9; 16]), "");
    assert_eq!(code(set(&ada, &["/"], &[sign]).await), Some(ErrorCode::PermissionDenied));
    world.take(assignment);
    world.give(&ada, OWNER, "/resourceGroups/g1");
    assert_eq!(code(set(&ada, &["/"], &[sign]).await), Some(ErrorCode::PermissionDenied));
    assert_eq!(
        code(set(&ada, &["/resourceGroups/g1", "/resourceGroups/g2"], &[sign]).await),
        Some(ErrorCode::PermissionDenied)
    );
    set(&ada, &["/resourceGroups/g1"], &[sign]).await.unwrap();
    let bobby = world.user("bobby");
    give(&world, &ada, "signer", "bobby", VAULT).await.unwrap();
    assert_eq!(code(give(&world, &Caller::Internal, "Signer", "bobby", "").await), Some(ErrorCode::InvalidArgument));
    // A change holds for who has it, at once; and where it was before counts.
    let asks = |permission| {
        let vault = Some(VaultName::Named("roles".into()));
        let question = Question { permission, vault, object: None, version: None };
        let rooms = world.rooms();
        rooms.policy.authorize(&rooms.keys, bobby.clone(), question, clock::now_seconds()).is_ok()
    };
    assert!(asks(Permission::Sign) && !asks(Permission::Decrypt));
    set(&ada, &["/resourceGroups/g1"], &["Microsoft.KeyVault/vaults/keys/decrypt/action"]).await.unwrap();
    assert!(!asks(Permission::Sign) && asks(Permission::Decrypt));
    set(&Caller::Internal, &["/"], &[sign]).await.unwrap();
    assert_eq!(code(set(&ada, &["/resourceGroups/g1"], &["*"]).await), Some(ErrorCode::PermissionDenied));
    assert_eq!(
        code(set(&Caller::Internal, &["/"], &["Microsoft.KeyVault/vaults/keys/fly/action"]).await),
        Some(ErrorCode::InvalidArgument)
    );
}

#[tokio::test]
async fn a_name_that_is_no_permission_is_refused_with_those_that_are() {
    let error = policy("policies", "ada", &["sign", "fly"]).err().unwrap();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
    assert!(
        error.detail.contains("'fly'") && error.detail.contains("wrapKey") && error.detail.contains("unwrapObject"),
        "{}",
        error.detail
    );
    assert!(policy("policies", "ada", &["getSecret"]).is_err() && policy("policies", "ada", &["SIGN", "All"]).is_ok());
    assert!(ExplainPolicy::permission("fly").is_err());
}

#[tokio::test]
async fn what_a_pin_user_may_do_is_edited_and_holds_at_once() {
    let world = world().await;
    let user = world.pin("policies", UserType::User);
    world.run(&user, sign()).await.unwrap();
    world.run(&Caller::Internal, policy("policies", "pin:user", &["get", "verify"]).unwrap()).await.unwrap();
    assert_eq!(code(world.run(&user, sign()).await), Some(ErrorCode::PermissionDenied));
    world.run(&Caller::Internal, policy("policies", "pin:user", &["sign"]).unwrap()).await.unwrap();
    world.run(&user, sign()).await.unwrap();
    let delete = |principal: &str| DeleteAccessPolicy {
        vault: VaultName::Named("policies".into()),
        principal: principal.into(),
        application: String::new(),
    };
    let vault = world.run(&Caller::Internal, delete("pin:user")).await.unwrap();
    let own = pin_object_id(world.cluster(), UserType::User, vault.id);
    let entry = vault.record.access_policies.iter().find(|entry| entry.object_id == own.0).unwrap();
    assert!(entry.keys.is_empty(), "it stays, empty: none at all would mean everything");
    assert_eq!(code(world.run(&user, sign()).await), Some(ErrorCode::PermissionDenied));
    // The security officer never uses a key, whatever somebody writes.
    let officer = policy("policies", "pin:so", &["sign"]).unwrap();
    assert_eq!(code(world.run(&Caller::Internal, officer).await), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(world.run(&Caller::Internal, delete("ada")).await), Some(ErrorCode::PrincipalNotFound));
    // Where roles decide, the PKCS#11 users have their entries all the same, and nobody else.
    world.run(&Caller::Internal, policy("roles", "pin:user", &["sign"]).unwrap()).await.unwrap();
    let stranger = policy("roles", "uid:4000000", &["sign"]).unwrap();
    assert_eq!(code(world.run(&Caller::Internal, stranger).await), Some(ErrorCode::InvalidArgument));
}

#[tokio::test]
async fn peers_and_certificates_are_principals_like_any() {
    let world = world().await;
    let stranger = Caller::Peer(STRANGER);
    assert_eq!(code(world.run(&stranger, sign()).await), Some(ErrorCode::PermissionDenied));
    world.run(&Caller::Internal, policy("policies", "uid:4000000", &["sign"]).unwrap()).await.unwrap();
    world.run(&stranger, sign()).await.unwrap();
    // What its user may do over gRPC, a program with the module may not: there only the PIN counts.
    let program = Caller::Application(STRANGER, Id([1; 16]));
    assert_eq!(code(world.run(&program, sign()).await), Some(ErrorCode::Unauthenticated));
    let web = Caller::Peer(Peer::Certificate { name: "web".into(), fingerprint: [1; 32] });
    assert_eq!(code(world.run(&web, sign()).await), Some(ErrorCode::VaultNotFound));
    world.run(&Caller::Internal, policy("policies", "certificate:web", &["sign"]).unwrap()).await.unwrap();
    world.run(&web, sign()).await.unwrap();
}

#[tokio::test]
async fn a_role_for_what_was_there_before_is_none_for_what_has_its_name() {
    let world = world().await;
    let ada = world.user("ada");
    let asks = |vault: &str| {
        let question = Question {
            permission: Permission::ReadVault,
            vault: Some(VaultName::Named(vault.into())),
            object: None,
            version: None,
        };
        let rooms = world.rooms();
        rooms.policy.authorize(&rooms.keys, ada.clone(), question, clock::now_seconds()).is_ok()
    };
    world.give(&ada, OWNER, VAULT);
    world.give(&ada, OWNER, "/resourceGroups/g2");
    assert!(asks("roles") && asks("other"));
    let later = clock::now_seconds() + 60;
    world.change_vault("roles", |record| record.created = later);
    world.put(row::group("g2"), &GroupRecord { name: "g2".into(), created: later, ..GroupRecord::default() });
    assert!(!asks("roles") && !asks("other"));
}

#[tokio::test]
async fn an_explanation_says_what_the_engine_does() {
    let world = world().await;
    let (ada, _) = (world.user("ada"), world.user("bobby"));
    world.give(&ada, CONTRIBUTOR, "/resourceGroups/g1");
    world.entry("policies", ada.object_id(world.cluster()).unwrap(), &["get", "sign"], &["list"]);
    for (principal, caller) in [
        ("ada", ada.clone()),
        ("bobby", world.as_caller("bobby")),
        ("uid:0", Caller::Peer(Peer::Unix { uid: 0, pid: None })),
        ("uid:4000000", Caller::Peer(STRANGER)),
        ("pin:user", world.pin("policies", UserType::User)),
        ("pin:so", world.pin("policies", UserType::SecurityOfficer)),
    ] {
        for permission in PermissionSet::all().iter() {
            for object in [None, Some("web"), Some("nothing")] {
                let vault = VaultName::Named("policies".into());
                let explain = ExplainPolicy {
                    principal: principal.into(),
                    permission,
                    vault: Some(vault.clone()),
                    object: object.map(str::to_owned),
                    version: None,
                };
                let told = world.run(&Caller::Internal, explain).await.unwrap();
                let (object, object_is_named) = (object.map(str::to_owned), object.is_some());
                let question = Question { permission, vault: Some(vault), object, version: None };
                let rooms = world.rooms();
                let decided = rooms.policy.authorize(&rooms.keys, caller.clone(), question, clock::now_seconds());
                // There is no such secret, which only reading it shows.
                let is_secret = permission == Permission::GetSecret && object_is_named;
                let expected = decided.is_ok() && !is_secret;
                assert_eq!(told.allowed, expected, "{principal} {permission:?}: {:?}", told.reasons);
                assert!(
                    told.reasons.len() >= 2 && told.fix.is_empty() == told.allowed,
                    "{told_reasons:?}",
                    told_reasons = told.reasons
                );
            }
        }
    }
    // About others only who may read roles there asks; about oneself everybody.
    let ask = |principal: &str| ExplainPolicy {
        principal: principal.into(),
        permission: Permission::Sign,
        vault: Some(VaultName::Named("policies".into())),
        object: Some("web".into()),
        version: None,
    };
    assert!(world.run(&ada, ask("bobby")).await.is_ok());
    assert_eq!(code(world.run(&Caller::Peer(STRANGER), ask("ada")).await), Some(ErrorCode::PermissionDenied));
    let own = world.run(&Caller::Peer(STRANGER), ask("")).await.unwrap();
    assert!(!own.allowed && own.reasons[0].contains("uid:4000000"), "{:?}", own.reasons);
}
