//! The authorisation matrix: every role and every permission × every operation × the states of what it works on. What must come out is
//! written down here by hand, as a person reads it off Azure's pages and docs/permissions.md; what comes out is the engine's.

use std::collections::BTreeSet;

use super::world::{STRANGER, World};
use crate::{
    clock,
    error::ErrorCode,
    id::Id,
    identity::{Caller, UserType, pin_object_id},
    keys::record::{AccessPolicyRecord, row},
    policy::{Area, Permission, PermissionSet, Question, VaultName, roles::BUILT_IN_ROLES},
};

const ALL_KEYS: &str = "get list create import update delete recover purge backup restore rotate getrotationpolicy \
    setrotationpolicy release sign verify encrypt decrypt wrapKey unwrapKey";
const ALL_SECRETS: &str = "secrets/get secrets/list secrets/set secrets/delete secrets/recover secrets/purge \
    secrets/backup secrets/restore";
const ALL_CERTIFICATES: &str = "certificates/get certificates/list certificates/create certificates/import \
    certificates/update certificates/delete certificates/recover certificates/purge certificates/backup \
    certificates/restore certificates/managecontacts certificates/getissuers certificates/listissuers \
    certificates/setissuers certificates/deleteissuers certificates/manageissuers";
const READ_CONTROL: &str = "vaults/read groups/read roles/read";
const WRITE_CONTROL: &str = "vaults/write vaults/delete groups/write groups/delete";

/// TABLE: what each role gives. Data is for vaults where roles decide.
fn table(role: &str) -> String {
    let officer_control = READ_CONTROL;
    match role {
        "Owner" => {
            format!("{READ_CONTROL} {WRITE_CONTROL} vaults/purge vaults/accessPolicies/write roles/assign roles/write")
        }
        "Contributor" => format!("{READ_CONTROL} {WRITE_CONTROL} vaults/purge"),
        "Reader" => READ_CONTROL.into(),
        "User Access Administrator" => format!("{READ_CONTROL} roles/assign roles/write"),
        "Role Based Access Control Administrator" => format!("{READ_CONTROL} roles/assign"),
        "Key Vault Administrator" => {
            format!("{officer_control} {ALL_KEYS} {ALL_SECRETS} {ALL_CERTIFICATES}")
        }
        "Key Vault Certificate User" => "certificates/get certificates/list secrets/get secrets/list get list".into(),
        "Key Vault Certificates Officer" => format!("{officer_control} {ALL_CERTIFICATES}"),
        "Key Vault Contributor" => {
            format!("{READ_CONTROL} vaults/write vaults/delete")
        }
        "Key Vault Crypto Officer" => format!("{officer_control} {ALL_KEYS}"),
        "Key Vault Crypto Service Encryption User" => "get list wrapKey unwrapKey".into(),
        "Key Vault Crypto Service Release User" => "release".into(),
        "Key Vault Crypto User" => "get list update backup encrypt decrypt wrapKey unwrapKey sign verify".into(),
        "Key Vault Data Access Administrator" => format!("{officer_control} roles/assign"),
        "Key Vault Purge Operator" => format!("{READ_CONTROL} vaults/purge"),
        "Key Vault Reader" => format!(
            "{officer_control} get list getrotationpolicy secrets/list certificates/get certificates/list \
             certificates/getissuers certificates/listissuers"
        ),
        "Key Vault Secrets Officer" => format!("{officer_control} {ALL_SECRETS}"),
        "Key Vault Secrets User" => "secrets/get secrets/list".into(),
        other => panic!("{other} is in no table"),
    }
}

fn named(names: &str) -> BTreeSet<&str> {
    names.split_whitespace().collect()
}

/// The keys of each vault, one in each state.
const STATES: [&str; 5] = ["enabled", "disabled", "expired", "early", "deleted"];

/// What a key in a state answers to who may use it, for an operation that needs it.
fn answer(state: &str, permission: Permission) -> Option<ErrorCode> {
    use ErrorCode::{KeyDisabled, KeyNotFound, OperationNotPermitted};
    use Permission as P;
    let uses = [P::Sign, P::Verify, P::Encrypt, P::Decrypt, P::WrapKey, P::UnwrapKey, P::UnwrapObject, P::Derive];
    if !uses.contains(&permission) {
        return None;
    }
    match state {
        "deleted" => Some(KeyNotFound),
        // An EC key signs and verifies, and no more.
        _ if !matches!(permission, P::Sign | P::Verify) => Some(OperationNotPermitted),
        "disabled" => Some(KeyDisabled),
        "expired" | "early" if permission == P::Sign => Some(KeyDisabled),
        _ => None,
    }
}

async fn world() -> World {
    let world = World::new().await;
    for (name, group, rbac) in [("roles", "g1", true), ("policies", "g1", false), ("other", "g2", true)] {
        let vault = world.vault(name, group, rbac).await;
        for state in STATES {
            world.key(name, state).await;
            set_state(&world, name, vault, state);
        }
    }
    world
}

fn set_state(world: &World, vault_name: &str, vault: Id, state: &str) {
    let now = clock::now_seconds();
    let (key, version) = {
        let rooms = world.rooms();
        let view = rooms.keys.catalog.view();
        let key = view.vault_named(vault_name).unwrap().key(state).unwrap();
        ((*key.record).clone(), key.current().unwrap().record.clone())
    };
    let id = Id::from_bytes(&version.id).unwrap();
    let mut version = version;
    match state {
        "disabled" => version.enabled = false,
        "expired" => version.expires = Some(now - 10),
        "early" => version.not_before = Some(now + 1000),
        "deleted" => {
            let key = crate::keys::record::KeyRecord { deleted: Some(now), ..key };
            return world.put(row::key(vault, state), &key);
        }
        _ => {}
    }
    world.put(row::version(vault, id), &version);
}

/// Asks the engine about one operation, as the pipeline asks it.
fn ask(
    world: &World,
    caller: &Caller,
    permission: Permission,
    vault: Option<&str>,
    key: Option<&str>,
) -> Option<ErrorCode> {
    let question = Question {
        permission,
        vault: vault.map(|name| VaultName::Named(name.into())),
        object: key.map(str::to_owned),
        version: None,
    };
    let rooms = world.rooms();
    rooms.policy.authorize(&rooms.keys, caller.clone(), question, clock::now_seconds()).err().map(|error| error.code)
}

fn is_data(permission: Permission) -> bool {
    matches!(permission.area(), Area::Key | Area::Secret | Area::Certificate)
}

/// A role at one scope; whether it reaches the vault, and the one thing in it.
struct Case {
    scope: &'static str,
    reaches: fn(vault: &str) -> bool,
    key: Option<(Area, &'static str)>,
}

const CASES: [Case; 7] = [
    Case { scope: "", reaches: |_| true, key: None },
    Case { scope: "/resourceGroups/g1", reaches: |vault| vault != "other", key: None },
    Case {
        scope: "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles",
        reaches: |vault| vault == "roles",
        key: None,
    },
    Case {
        scope: "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/policies",
        reaches: |vault| vault == "policies",
        key: None,
    },
    Case {
        scope: "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles/keys/enabled",
        reaches: |vault| vault == "roles",
        key: Some((Area::Key, "enabled")),
    },
    Case {
        scope: "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles/secrets/enabled",
        reaches: |vault| vault == "roles",
        key: Some((Area::Secret, "enabled")),
    },
    Case {
        scope: "/resourceGroups/g1/providers/Microsoft.KeyVault/vaults/roles/certificates/enabled",
        reaches: |vault| vault == "roles",
        key: Some((Area::Certificate, "enabled")),
    },
];

#[tokio::test]
async fn every_role_at_every_scope_gives_what_the_table_says() {
    let world = world().await;
    let ada = world.user("ada");
    let mut decisions = 0;
    for role in &BUILT_IN_ROLES {
        let text = table(role.name);
        let given = named(&text);
        for case in &CASES {
            let assignment = world.give(&ada, role.id, case.scope);
            for permission in PermissionSet::all().iter() {
                let has = given.contains(permission.full_name());
                // The daemon as a whole is only reached from above.
                let above = ask(&world, &ada, permission, None, None);
                let expected = has && case.scope.is_empty() || permission == Permission::SeeToken;
                assert_eq!(above.is_none(), expected, "{} at {:?}: {permission:?}: {above:?}", role.name, case.scope);
                for vault in ["roles", "policies", "other"] {
                    let some_right = (case.reaches)(vault)
                        && given.iter().any(|name| {
                            let one = Permission::by_full_name(name).next().unwrap();
                            !is_data(one) || vault != "policies"
                        });
                    for object in
                        [None, Some("enabled"), Some("disabled"), Some("expired"), Some("early"), Some("deleted")]
                    {
                        // Issuers are nobody's certificate, whatever their names.
                        let one_thing = |(area, name)| {
                            permission.area() == area
                                && object == Some(name)
                                && !permission.full_name().ends_with("issuers")
                        };
                        let reached = (case.reaches)(vault) && case.key.is_none_or(one_thing);
                        let granted = match permission.area() {
                            Area::Token => permission == Permission::SeeToken && some_right,
                            Area::Daemon => false,
                            Area::Control => has && reached,
                            Area::Key | Area::Secret | Area::Certificate => has && reached && vault != "policies",
                        };
                        let expected = match (some_right, granted) {
                            // Who was granted nothing in a vault may not even know of it.
                            (false, _) => Some(ErrorCode::VaultNotFound),
                            (_, false) => Some(ErrorCode::PermissionDenied),
                            (_, true) => object.and_then(|state| answer(state, permission)),
                        };
                        let actual = ask(&world, &ada, permission, Some(vault), object);
                        let actual = actual.map(|code| match code {
                            // To all but the security officer CKA_TRUSTED is read-only.
                            ErrorCode::AttributeReadOnly => ErrorCode::PermissionDenied,
                            code => code,
                        });
                        assert_eq!(
                            actual, expected,
                            "{} at {:?}: {permission:?} in {vault} on {object:?}",
                            role.name, case.scope
                        );
                        decisions += 1;
                    }
                }
            }
            world.take(assignment);
        }
    }
    assert_eq!(decisions, BUILT_IN_ROLES.len() * CASES.len() * 69 * 3 * 6);
}

#[tokio::test]
async fn every_entry_of_a_policy_gives_one_permission_and_no_other() {
    let world = world().await;
    let ada = world.user("ada");
    let id = ada.object_id(world.cluster()).unwrap();
    for area in [Area::Key, Area::Secret, Area::Certificate] {
        for name in Permission::names(area) {
            for vault in ["policies", "roles"] {
                let list = |own| if area == own { vec![name.to_owned()] } else { Vec::new() };
                let entry = AccessPolicyRecord {
                    object_id: id.0.to_vec(),
                    keys: list(Area::Key),
                    secrets: list(Area::Secret),
                    certificates: list(Area::Certificate),
                    ..AccessPolicyRecord::default()
                };
                world.change_vault(vault, |record| record.access_policies = vec![entry]);
            }
            for permission in PermissionSet::all().iter() {
                let granted =
                    permission == Permission::SeeToken || permission.area() == area && permission.name() == name;
                for state in STATES {
                    let actual = ask(&world, &ada, permission, Some("policies"), Some(state));
                    match (granted, actual) {
                        (true, actual) => {
                            assert_eq!(actual, answer(state, permission), "{name}: {permission:?} {state}")
                        }
                        (false, Some(ErrorCode::PermissionDenied | ErrorCode::AttributeReadOnly)) => {}
                        (false, actual) => panic!("{name} gave {permission:?} on {state}: {actual:?}"),
                    }
                }
                // Where roles decide an entry is worth nothing.
                assert_eq!(ask(&world, &ada, permission, Some("roles"), None), Some(ErrorCode::VaultNotFound));
            }
        }
    }
}

/// TABLE: what PKCS#11 gives who is logged in.
const USER: &str = "seeToken login readPublic get list create import update delete sign verify encrypt decrypt changePin \
    createPublic useOwnObject makePrivateObject wrapKey unwrapObject derive";
const OFFICER: &str = "seeToken login readPublic changePin setTrust createPublic";
const PROGRAM: &str = "seeToken login readPublic verify useOwnObject";
const EMPTY: &str = "seeToken login readPublic changePin";

#[tokio::test]
async fn pins_and_programs_have_what_the_table_says() {
    let world = world().await;
    let vault = world.vault_id("policies");
    let own = pin_object_id(world.cluster(), UserType::User, vault);
    let callers: [(&str, Option<&[&str]>, Caller, &str); 7] = [
        ("user", None, world.pin("policies", UserType::User), USER),
        ("security officer", None, world.pin("policies", UserType::SecurityOfficer), OFFICER),
        ("program", None, Caller::Application(STRANGER, Id([1; 16])), PROGRAM),
        ("peer", None, Caller::Peer(STRANGER), PROGRAM),
        (
            "user who signs",
            Some(&["sign"]),
            world.pin("policies", UserType::User),
            "seeToken login readPublic changePin createPublic useOwnObject makePrivateObject sign",
        ),
        ("user with all", Some(&["all"]), world.pin("policies", UserType::User), USER),
        ("user with nothing", Some(&[]), world.pin("policies", UserType::User), EMPTY),
    ];
    for (who, entry, caller, names) in callers {
        if let Some(keys) = entry {
            world.entry("policies", own, keys, &[]);
        }
        for permission in PermissionSet::all().iter() {
            let granted = named(names).contains(permission.full_name());
            let actual = ask(&world, &caller, permission, Some("policies"), None);
            assert_eq!(actual.is_none(), granted, "{who}: {permission:?}: {actual:?}");
            if let Caller::PinUser(..) = caller {
                assert_eq!(
                    ask(&world, &caller, permission, Some("other"), None),
                    Some(ErrorCode::VaultNotFound),
                    "{who}"
                );
            }
        }
    }
}

#[tokio::test]
async fn administrators_may_do_everything_the_key_lets_them() {
    let world = world().await;
    for permission in PermissionSet::all().iter() {
        for vault in ["roles", "policies", "other"] {
            for state in STATES {
                let root = Caller::Peer(crate::identity::Peer::Unix { uid: 0, pid: None });
                assert_eq!(ask(&world, &root, permission, Some(vault), Some(state)), answer(state, permission));
            }
        }
    }
}
