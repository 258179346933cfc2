//! Attacks on who may do what: each tries to get, or to learn, what it was not given.

use softkeep_proto::v1;
use zeroize::Zeroizing;

use super::world::{STRANGER, World, code};
use crate::{
    clock,
    error::{ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType, pin_object_id, subscription_id},
    keys::record::{AccessPolicyRecord, AssignmentRecord, RoleRecord, row},
    ops::{
        create_principal::CreatePrincipal, create_role_assignment::CreateRoleAssignment, delete_group::DeleteGroup,
        delete_principal::DeletePrincipal, delete_vault::DeleteVault, explain_policy::ExplainPolicy,
        find_objects::FindObjects, get_deleted_vault::GetDeletedVault, get_vault::GetVault,
        list_role_assignments::ListRoleAssignments, list_role_definitions::ListRoleDefinitions,
        purge_vault::PurgeVault, set_role_definition::SetRoleDefinition, sign_in::SignIn, update_vault::UpdateVault,
    },
    policy::{
        Area, Permission, PermissionSet, Target, Thing, VaultName,
        principals::Who,
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
    world
}

fn may(world: &World, caller: &Caller, vault: &str, thing: Thing<'_>, permission: Permission) -> bool {
    let rooms = world.rooms();
    let view = rooms.keys.catalog.view();
    rooms.policy.allows(&view, caller, Target::Vault(view.vault_named(vault).unwrap(), thing), permission)
}

fn definition(world: &World, scopes: &[&str], actions: &[&str], data_actions: &[&str]) -> SetRoleDefinition {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let definition = v1::RoleDefinition {
        name: "Mine".into(),
        actions: texts(actions),
        data_actions: texts(data_actions),
        assignable_scopes: texts(scopes),
        ..Default::default()
    };
    SetRoleDefinition::parse(definition, world.cluster()).unwrap()
}

#[tokio::test]
async fn a_role_that_was_narrowed_is_not_changed_from_below_for_who_holds_it_above() {
    let world = world().await;
    let (ada, bobby) = (world.user("ada"), world.user("bobby"));
    let sign = &["Microsoft.KeyVault/vaults/keys/sign/action"];
    let made = world.run(&Caller::Internal, definition(&world, &["/"], &[], sign)).await.unwrap();
    world.give(&bobby, Id::from_bytes(&made.record.id).unwrap(), "");
    world.run(&Caller::Internal, definition(&world, &[VAULT], &[], sign)).await.unwrap();
    world.give(&ada, role("User Access Administrator"), VAULT);
    let widened = world.run(&ada, definition(&world, &[VAULT], &["*"], sign)).await;
    assert_eq!(code(widened), Some(ErrorCode::PermissionDenied));
    assert!(!may(&world, &bobby, "policies", Thing::None, Permission::DeleteVault));
}

#[tokio::test]
async fn a_role_for_one_certificate_is_none_for_an_issuer_of_its_name() {
    use Permission as P;
    let world = world().await;
    let ada = world.user("ada");
    world.give(&ada, role("Key Vault Certificates Officer"), &format!("{VAULT}/certificates/web"));
    assert!(may(&world, &ada, "roles", Thing::Named("web"), P::CreateCertificate));
    for issuer in [P::GetIssuers, P::ListIssuers, P::SetIssuers, P::DeleteIssuers, P::ManageIssuers] {
        assert!(!may(&world, &ada, "roles", Thing::Named("web"), issuer), "{issuer:?}");
    }
    world.give(&ada, role("Key Vault Certificates Officer"), VAULT);
    assert!(may(&world, &ada, "roles", Thing::Named("web"), P::SetIssuers));
}

#[tokio::test]
async fn wildcards_reach_no_administration_and_nothing_of_pkcs11() {
    let world = world().await;
    let ada = world.user("ada");
    for pattern in ["*", "*/*", "**", "Microsoft.*", "*/action", "*e*", "Softkeep/*"] {
        let texts = vec![pattern.to_owned()];
        let record = RoleRecord {
            id: vec![9; 16],
            name: "Wild".into(),
            actions: texts.clone(),
            data_actions: texts,
            ..RoleRecord::default()
        };
        world.put(row::role(Id([9; 16])), &record);
        let assignment = world.give(&ada, Id([9; 16]), "");
        for permission in PermissionSet::all().iter() {
            let beyond = matches!(permission.area(), Area::Daemon | Area::Token) && permission != Permission::SeeToken;
            let here = may(&world, &ada, "roles", Thing::Named("web"), permission);
            let rooms = world.rooms();
            let above = rooms.policy.allows(&rooms.keys.catalog.view(), &ada, Target::Daemon, permission);
            assert!(!beyond || !here && !above, "{pattern} gives {permission:?}");
        }
        world.take(assignment);
    }
}

#[tokio::test]
async fn no_spelling_of_a_scope_reaches_further() {
    let world = world().await;
    let (ada, _) = (world.user("ada"), world.user("bobby"));
    world.vault("roles2", "g2", true).await;
    world.give(&ada, OWNER, VAULT);
    for scope in [
        "",
        "/",
        "//",
        "/subscriptions",
        "/resourceGroups/g1",
        "/resourceGroups/g1/",
        "/resourceGroups/g1/providers/Microsoft.KeyVault",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/rolesx",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles2",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles%2f..%2fpolicies",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles/../policies",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles\u{0}",
        "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/*",
        "/resourceGroups/G1/PROVIDERS/microsoft.keyvault/VAULTS/POLICIES",
        "/providers/Microsoft.KeyVault/vaults/policies/keys/roles",
        "/providers/Microsoft.KeyVault/vaults/roles/vaults/policies",
        "/resourceGroups/g1/resourceGroups/g2/providers/Microsoft.KeyVault/vaults/roles",
    ] {
        let given = match Scope::parse(scope, subscription_id(world.cluster())) {
            Err(error) => Some(error.code),
            Ok(scope) => {
                let operation =
                    CreateRoleAssignment { role: "Owner".into(), principal: "bobby".into(), scope, id: None };
                code(world.run(&ada, operation).await)
            }
        };
        assert!(
            matches!(given, Some(ErrorCode::PermissionDenied | ErrorCode::InvalidArgument | ErrorCode::VaultNotFound)),
            "{scope:?}: {given:?}"
        );
    }
}

#[tokio::test]
async fn another_vault_of_the_same_name_inherits_nobody() {
    let world = world().await;
    let ada = world.user("ada");
    let old = world.vault_id("roles");
    world.give(&ada, role("Key Vault Administrator"), VAULT);
    world.give(&ada, role("Key Vault Secrets User"), &format!("{VAULT}/secrets/db"));
    assert!(may(&world, &ada, "roles", Thing::Named("db"), Permission::GetSecret));
    world.run(&Caller::Internal, DeleteVault(VaultName::Named("roles".into()))).await.unwrap();
    assert_eq!(code(world.run(&ada, GetVault(VaultName::Named("roles".into()))).await), Some(ErrorCode::VaultNotFound));
    world.run(&Caller::Internal, PurgeVault { name: "roles".into(), only_when_due: false }).await.unwrap();
    let new = world.vault("roles", "g1", true).await;
    assert!(old != new && !may(&world, &ada, "roles", Thing::Named("db"), Permission::GetSecret));
    // Nor does one that was given by hand before the vault was made, as a crash might leave it.
    let before = AssignmentRecord {
        id: vec![3; 16],
        role: role("Key Vault Administrator").0.to_vec(),
        principal: ada.object_id(world.cluster()).unwrap().0.to_vec(),
        scope: VAULT.into(),
        created: clock::now_seconds() - 100,
        created_by: String::new(),
    };
    world.put(row::assignment(Id([3; 16])), &before);
    assert!(!may(&world, &ada, "roles", Thing::Named("db"), Permission::GetSecret));
    // The PIN user of the old vault is another one than the new one's.
    let pin = |vault| pin_object_id(world.cluster(), UserType::User, vault);
    assert_ne!(pin(old), pin(new));
}

#[tokio::test]
async fn a_group_is_deleted_by_who_may_delete_all_that_is_in_it() {
    let world = world().await;
    let ada = world.user("ada");
    let actions = vec!["Microsoft.Resources/subscriptions/resourceGroups/*".to_owned()];
    let record = RoleRecord { id: vec![9; 16], name: "Groups".into(), actions, ..RoleRecord::default() };
    world.put(row::role(Id([9; 16])), &record);
    world.give(&ada, Id([9; 16]), "/resourceGroups/g1");
    for group in ["g1", "G1"] {
        assert_eq!(code(world.run(&ada, DeleteGroup(group.into())).await), Some(ErrorCode::PermissionDenied));
    }
    assert!(world.rooms().keys.catalog.view().vault_named("roles").is_some());
}

#[tokio::test]
async fn an_entry_for_an_application_is_for_nobody_else() {
    let world = world().await;
    let ada = world.user("ada");
    let id = ada.object_id(world.cluster()).unwrap();
    for application in [vec![7; 16], vec![0; 16], id.0.to_vec(), vec![7; 3]] {
        let entry = AccessPolicyRecord {
            object_id: id.0.to_vec(),
            application_id: application.clone(),
            secrets: vec!["all".into()],
            ..AccessPolicyRecord::default()
        };
        world.change_vault("policies", |record| record.access_policies = vec![entry]);
        let found = may(&world, &ada, "policies", Thing::Named("db"), Permission::GetSecret);
        assert!(!found, "a user is no application: {application:?}");
    }
}

#[tokio::test]
async fn who_comes_back_under_a_deleted_name_is_somebody_else() {
    let world = world().await;
    let make = async || {
        let request = v1::CreatePrincipalRequest {
            kind: "User".into(),
            name: "eve".into(),
            password: "a long password".into(),
            ..Default::default()
        };
        world.run(&Caller::Internal, CreatePrincipal::parse(request).unwrap()).await.unwrap().object_id
    };
    let first = make().await;
    world.entry("policies", first, &["all"], &["all"]);
    world.give(&world.as_caller("eve"), OWNER, "");
    world.run(&Caller::Internal, DeletePrincipal("eve".into())).await.unwrap();
    let second = make().await;
    let eve = world.as_caller("eve");
    assert_ne!(first, second);
    for permission in [Permission::Sign, Permission::GetSecret, Permission::DeleteVault] {
        assert!(!may(&world, &eve, "policies", Thing::Named("db"), permission));
    }
    let rooms = world.rooms();
    let view = rooms.keys.catalog.view();
    assert!(view.directory.assignments.is_empty());
    let left = |entry: &AccessPolicyRecord| entry.object_id == first.0;
    assert!(!view.vault_named("policies").unwrap().record.access_policies.iter().any(left));
}

#[tokio::test]
async fn strangers_learn_of_nobody_and_of_no_place() {
    let world = world().await;
    world.user("ada");
    world.run(&Caller::Internal, definition(&world, &[VAULT, "/resourceGroups/g1"], &["*"], &[])).await.unwrap();
    world.give(&world.as_caller("ada"), OWNER, "");
    let eve = world.user("evelyn");
    for stranger in [&Caller::Peer(STRANGER), &eve] {
        let list = async |principal: &str| {
            let operation = ListRoleAssignments {
                scope: None,
                principal: principal.into(),
                role: String::new(),
                include_inherited: true,
                include_below: true,
            };
            world.run(stranger, operation).await.map(|found| found.len())
        };
        assert_eq!((list("ada").await.unwrap(), list("nobody").await.unwrap()), (0, 0), "who there is");
        let roles = world.run(stranger, ListRoleDefinitions { name: String::new(), custom_only: true }).await.unwrap();
        assert!(roles.is_empty(), "the role's scopes name a vault and a group");
        let explain = ExplainPolicy {
            principal: "ada".into(),
            permission: Permission::Sign,
            vault: Some(VaultName::Named("policies".into())),
            object: None,
            version: None,
        };
        let told = code(world.run(stranger, explain).await);
        assert!(matches!(told, Some(ErrorCode::PermissionDenied | ErrorCode::VaultNotFound)), "{told:?}");
    }
    world.run(&Caller::Internal, DeleteVault(VaultName::Named("roles".into()))).await.unwrap();
    let error = async |name: &str| {
        let error = world.run(&eve, GetDeletedVault(name.into())).await.err().unwrap();
        (error.code, error.detail.replace(name, "NAME"))
    };
    assert_eq!(error("roles").await, error("absent").await);
    let error = async |name: &str| {
        let error = world.run(&eve, GetVault(VaultName::Named(name.into()))).await.err().unwrap();
        (error.code, error.detail.replace(name, "NAME"))
    };
    assert_eq!(error("policies").await, error("absent").await);
    // Who may read roles there, is shown the one scope and not the other.
    world.give(&eve, role("Key Vault Reader"), "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/policies");
    let roles = ListRoleDefinitions { name: String::new(), custom_only: true };
    assert!(world.run(&eve, roles).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pin_user_with_an_empty_entry_sees_no_private_object() {
    let world = world().await;
    world.key("policies", "web").await;
    let vault = world.vault_id("policies");
    let user = world.pin("policies", UserType::User);
    let private = async || {
        let find = FindObjects { vault, template: Vec::new(), after: None, offset: 0, limit: 0 };
        world.run(&user, find).await.unwrap().faces.iter().filter(|face| face.private).count()
    };
    assert_eq!(private().await, 1);
    world.entry("policies", pin_object_id(world.cluster(), UserType::User, vault), &[], &[]);
    assert_eq!(private().await, 0);
    world.entry("policies", pin_object_id(world.cluster(), UserType::User, vault), &["sign"], &[]);
    assert_eq!(private().await, 1);
}

#[tokio::test]
async fn who_manages_vaults_does_not_open_them_to_their_pin_users() {
    let world = world().await;
    let ada = world.user("ada");
    world.give(&ada, CONTRIBUTOR, "");
    let update = async |caller: &Caller, path: &str| {
        let told = v1::Vault { wrapping: "any".into(), publish_secrets: true, ..Default::default() };
        let mut request = v1::UpdateVaultRequest { vault: Some(told), ..Default::default() };
        request.update_mask.get_or_insert_default().paths.extend(["tags".to_owned(), path.to_owned()]);
        world.run(caller, UpdateVault::parse(VaultName::Named("policies".into()), request)?).await
    };
    for path in ["wrapping", "publish_secrets", "authorization", "access_policies"] {
        let changed: Result<_> = update(&ada, path).await;
        let code = code(changed);
        assert!(matches!(code, Some(ErrorCode::PermissionDenied | ErrorCode::InvalidArgument)), "{path}: {code:?}");
    }
    assert!(update(&ada, "purge_protection").await.is_ok());
    world.give(&ada, OWNER, "/resourceGroups/g1");
    assert!(update(&ada, "wrapping").await.is_ok());
}

async fn application(world: &World) -> Id {
    let request = v1::CreatePrincipalRequest {
        kind: "ServicePrincipal".into(),
        display_name: "app".into(),
        password: "a chosen secret".into(),
        ..Default::default()
    };
    let app = world.run(&Caller::Internal, CreatePrincipal::parse(request).unwrap()).await.unwrap();
    let Who::Stored(record) = &app.who else { panic!("a service principal has a record") };
    Id::from_bytes(&record.app_id).unwrap()
}

#[tokio::test]
async fn another_spelling_of_an_app_id_gives_no_more_tries() {
    let world = world().await;
    let app = application(&world).await;
    let sign_in = async |name: String, secret: &str| {
        world.run(&Caller::Peer(STRANGER), SignIn::ClientSecret(name, Zeroizing::new(secret.into()))).await
    };
    let spellings = [app.guid(), app.to_string(), app.guid().to_uppercase(), app.to_string().to_uppercase()];
    for number in 0..5 {
        assert!(sign_in(spellings[number % 4].clone(), "wrong").await.is_err());
    }
    for name in spellings {
        let error = sign_in(name.clone(), "a chosen secret").await.err().unwrap();
        assert!(error.detail.contains("try again in"), "{name}: {}", error.detail);
    }
}

#[tokio::test]
async fn no_secret_and_no_token_is_in_the_audit_log() {
    let world = world().await;
    let app = application(&world).await;
    let sign_in = async |secret: &str| {
        world.run(&Caller::Peer(STRANGER), SignIn::ClientSecret(app.guid(), Zeroizing::new(secret.into()))).await
    };
    assert!(sign_in("a wrong secret").await.is_err());
    let token = sign_in("a chosen secret").await.unwrap().access_token;
    let forged = format!("{}x", &*token);
    let refused = world.pipeline.identify_bearer(&STRANGER, &forged, crate::audit::record::Door::Grpc);
    assert_eq!(code(refused), Some(ErrorCode::TokenInvalid));
    let rooms = world.rooms();
    rooms.audit.log().flush().unwrap();
    let lines: String = rooms.audit.log().tail(1000).unwrap().iter().map(ToString::to_string).collect();
    assert!(lines.contains("sign-in") && lines.contains("identify"), "{lines}");
    for secret in ["a wrong secret", "a chosen secret", token.rsplit('.').next().unwrap()] {
        assert!(!lines.contains(secret), "{secret}");
    }
}
