//! TABLE: the built-in roles, with the ids, names and actions that they have in Azure; and what the actions of any role allow here.

use std::{collections::HashMap, sync::OnceLock};

use super::{
    permission::{Area, PERMISSIONS, Permission},
    permission_set::PermissionSet,
};
use crate::{id::Id, keys::record::RoleRecord};

/// A role that is always there.
pub struct BuiltInRole {
    /// Azure's id.
    pub id: Id,
    /// Azure's name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Of the control plane.
    pub actions: &'static [&'static str],
    /// Taken away from [`Self::actions`].
    pub not_actions: &'static [&'static str],
    /// Of the data plane.
    pub data_actions: &'static [&'static str],
    /// The only roles that its holder may give, where it lets them give roles: empty means all.
    pub gives: &'static [Id],
}

/// An id as Azure writes it.
const fn guid(text: &str) -> Id {
    let text = text.as_bytes();
    let mut bytes = [0; 16];
    let (mut at, mut digits) = (0, 0);
    while at < text.len() {
        let digit = match text[at] {
            b'-' => {
                at += 1;
                continue;
            }
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("no hex digit"),
        };
        bytes[digits / 2] = (bytes[digits / 2] << 4) | digit;
        digits += 1;
        at += 1;
    }
    assert!(digits == 32);
    Id(bytes)
}

/// Owner.
pub const OWNER: Id = guid("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
/// Contributor.
pub const CONTRIBUTOR: Id = guid("b24988ac-6180-42a0-ab88-20f7382dd24c");
/// Reader.
pub const READER: Id = guid("acdd72a7-3385-48ef-bd42-f606fba81ae7");
const KV_ADMINISTRATOR: Id = guid("00482a5a-887f-4fb3-b363-3b7fe8e74483");
const KV_READER: Id = guid("21090545-7ca7-4776-b22c-e363652d74d2");
const KV_CERTIFICATES_OFFICER: Id = guid("a4417e6f-fecd-4de8-b567-7b0420556985");
const KV_CRYPTO_OFFICER: Id = guid("14b46e9e-c2b7-41b4-b07b-48a6ebf60603");
const KV_CRYPTO_USER: Id = guid("12338af0-0e69-4776-bea7-57ae8d297424");
const KV_CRYPTO_SERVICE_ENCRYPTION_USER: Id = guid("e147488a-f6f5-4113-8e2d-b22465e65bf6");
const KV_SECRETS_OFFICER: Id = guid("b86a8fe4-44ce-4948-aee5-eccb2c155cd7");
const KV_SECRETS_USER: Id = guid("4633458b-17de-408a-b874-0445c86b69e6");

/// What the officers and the reader of Key Vault may see of the control plane.
const OFFICER_ACTIONS: &[&str] = &[
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
];

const fn role(id: Id, name: &'static str, description: &'static str) -> BuiltInRole {
    BuiltInRole { id, name, description, actions: &[], not_actions: &[], data_actions: &[], gives: &[] }
}

/// All of them.
pub static BUILT_IN_ROLES: [BuiltInRole; 18] = [
    BuiltInRole { actions: &["*"], ..role(OWNER, "Owner", "Manages everything and gives roles.") },
    BuiltInRole {
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
            "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ],
        ..role(CONTRIBUTOR, "Contributor", "Manages everything, but gives no rights to anybody.")
    },
    BuiltInRole { actions: &["*/read"], ..role(READER, "Reader", "Sees everything, changes nothing.") },
    BuiltInRole {
        actions: &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        ..role(
            guid("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
            "User Access Administrator",
            "Gives roles and takes them, and makes roles.",
        )
    },
    BuiltInRole {
        actions: &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
        ..role(
            guid("f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
            "Role Based Access Control Administrator",
            "Gives roles and takes them.",
        )
    },
    BuiltInRole {
        actions: OFFICER_ACTIONS,
        data_actions: &["Microsoft.KeyVault/vaults/*"],
        ..role(
            KV_ADMINISTRATOR,
            "Key Vault Administrator",
            "Does everything with the keys, secrets and certificates of a vault.",
        )
    },
    BuiltInRole {
        data_actions: &[
            "Microsoft.KeyVault/vaults/certificates/read",
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            "Microsoft.KeyVault/vaults/keys/read",
        ],
        ..role(
            guid("db79e9a7-68ee-4b58-9aeb-b90e7c24fcba"),
            "Key Vault Certificate User",
            "Reads certificates with their keys and secrets.",
        )
    },
    BuiltInRole {
        actions: OFFICER_ACTIONS,
        data_actions: &[
            "Microsoft.KeyVault/vaults/certificatecas/*",
            "Microsoft.KeyVault/vaults/certificates/*",
            "Microsoft.KeyVault/vaults/certificatecontacts/write",
        ],
        ..role(KV_CERTIFICATES_OFFICER, "Key Vault Certificates Officer", "Does everything with certificates.")
    },
    BuiltInRole {
        actions: &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.KeyVault/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
        not_actions: &[
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ],
        ..role(
            guid("f25e0fa2-a7c8-4377-a976-54943a77a395"),
            "Key Vault Contributor",
            "Manages vaults, but not access to them.",
        )
    },
    BuiltInRole {
        actions: OFFICER_ACTIONS,
        data_actions: &["Microsoft.KeyVault/vaults/keys/*", "Microsoft.KeyVault/vaults/keyrotationpolicies/*"],
        ..role(KV_CRYPTO_OFFICER, "Key Vault Crypto Officer", "Does everything with keys.")
    },
    BuiltInRole {
        actions: &[
            "Microsoft.EventGrid/eventSubscriptions/write",
            "Microsoft.EventGrid/eventSubscriptions/read",
            "Microsoft.EventGrid/eventSubscriptions/delete",
        ],
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
        ],
        ..role(
            KV_CRYPTO_SERVICE_ENCRYPTION_USER,
            "Key Vault Crypto Service Encryption User",
            "Reads keys' public side and wraps and unwraps with them.",
        )
    },
    BuiltInRole {
        data_actions: &["Microsoft.KeyVault/vaults/keys/release/action"],
        ..role(
            guid("08bbd89e-9f13-488c-ac41-acfcb10c90ab"),
            "Key Vault Crypto Service Release User",
            "Releases keys, which this service does not do.",
        )
    },
    BuiltInRole {
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/update/action",
            "Microsoft.KeyVault/vaults/keys/backup/action",
            "Microsoft.KeyVault/vaults/keys/encrypt/action",
            "Microsoft.KeyVault/vaults/keys/decrypt/action",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
            "Microsoft.KeyVault/vaults/keys/sign/action",
            "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
        ..role(KV_CRYPTO_USER, "Key Vault Crypto User", "Uses keys.")
    },
    BuiltInRole {
        actions: &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Support/*",
            "Microsoft.KeyVault/vaults/*/read",
        ],
        gives: &[
            KV_ADMINISTRATOR,
            KV_CERTIFICATES_OFFICER,
            KV_CRYPTO_OFFICER,
            KV_CRYPTO_SERVICE_ENCRYPTION_USER,
            KV_CRYPTO_USER,
            KV_READER,
            KV_SECRETS_OFFICER,
            KV_SECRETS_USER,
        ],
        ..role(
            guid("8b54135c-b56d-4d72-a534-26097cfdc8d8"),
            "Key Vault Data Access Administrator",
            "Gives and takes eight of the roles for keys, secrets and certificates.",
        )
    },
    BuiltInRole {
        actions: &[
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "*/read",
            "Microsoft.Resources/deployments/*",
        ],
        ..role(guid("a68e7c17-0ab2-4c09-9a58-125dae29748c"), "Key Vault Purge Operator", "Destroys deleted vaults.")
    },
    BuiltInRole {
        actions: OFFICER_ACTIONS,
        data_actions: &["Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"],
        ..role(KV_READER, "Key Vault Reader", "Sees vaults and what is in them, but no secret's value.")
    },
    BuiltInRole {
        actions: OFFICER_ACTIONS,
        data_actions: &["Microsoft.KeyVault/vaults/secrets/*"],
        ..role(KV_SECRETS_OFFICER, "Key Vault Secrets Officer", "Does everything with secrets.")
    },
    BuiltInRole {
        data_actions: &[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
        ..role(KV_SECRETS_USER, "Key Vault Secrets User", "Reads secrets.")
    },
];

impl BuiltInRole {
    /// By its id.
    pub fn by_id(id: Id) -> Option<&'static Self> {
        BUILT_IN_ROLES.iter().find(|role| role.id == id)
    }

    /// In the form of a role of one's own.
    pub fn record(&self) -> RoleRecord {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        RoleRecord {
            id: self.id.0.to_vec(),
            name: self.name.into(),
            description: self.description.into(),
            actions: texts(self.actions),
            not_actions: texts(self.not_actions),
            data_actions: texts(self.data_actions),
            not_data_actions: Vec::new(),
            assignable_scopes: vec!["/".into()],
        }
    }
}

/// What a built-in role allows; `None` for an id that is none of theirs.
pub fn built_in_permissions(role: Id) -> Option<PermissionSet> {
    static SETS: OnceLock<HashMap<Id, PermissionSet>> = OnceLock::new();
    let sets = SETS.get_or_init(|| BUILT_IN_ROLES.iter().map(|role| (role.id, permissions(&role.record()))).collect());
    sets.get(&role).copied()
}

/// What gives others rights in some way. A role allows it only together with giving roles: who may not give rights one way, may not
/// give them the other way.
const GIVING_RIGHTS: PermissionSet = PermissionSet::of(&[Permission::WriteAccessPolicy, Permission::WriteRoles]);

/// What a role allows here.
pub fn permissions(role: &RoleRecord) -> PermissionSet {
    let any = |patterns: &[String], action: &str| patterns.iter().any(|pattern| matches(pattern, action));
    let allowed: PermissionSet = PERMISSIONS
        .iter()
        .filter(|row| !row.action.is_empty())
        .filter(|row| match row.area {
            Area::Control => any(&role.actions, row.action) && !any(&role.not_actions, row.action),
            Area::Key | Area::Secret | Area::Certificate => {
                any(&role.data_actions, row.action) && !any(&role.not_data_actions, row.action)
            }
            Area::Token | Area::Daemon => false,
        })
        .map(|row| row.permission)
        .collect();
    if allowed.contains(Permission::AssignRoles) { allowed } else { allowed.without(GIVING_RIGHTS) }
}

/// Whether an action is one of a pattern's, whatever its case; `*` stands for any text, slashes too, and between two slashes also for
/// nothing: who may read everything of a vault ("vaults/*/read") may read the vault.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    is_like(&pattern, &action) || is_like(&pattern.replace("/*/", "/"), &action)
}

fn is_like(pattern: &str, action: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, action, expected) in [
            ("*", "a/b", true),
            ("*/read", "a/b/read", true),
            ("*/read", "a/b/readers", false),
            ("a/*/read", "A/b/c/READ", true),
            ("a/*/read", "a/read", true),
            ("a/*/read", "aread", false),
            ("a/*", "a/", true),
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a*b*c", "a/b/b/c", true),
            ("a*b*c", "acb", false),
            ("*ab", "ab", true),
            ("ab*ba", "aba", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn every_action_of_a_role_for_the_data_plane_gives_something() {
        for role in &BUILT_IN_ROLES {
            for action in role.data_actions {
                let record = RoleRecord { data_actions: vec![(*action).to_owned()], ..RoleRecord::default() };
                assert!(!permissions(&record).is_empty(), "{}: {action}", role.name);
            }
        }
    }

    #[test]
    fn ids_and_names_are_unique() {
        for (index, role) in BUILT_IN_ROLES.iter().enumerate() {
            let others = &BUILT_IN_ROLES[index + 1..];
            assert!(others.iter().all(|other| other.id != role.id && other.name != role.name), "{}", role.name);
            assert!(role.gives.iter().all(|id| BuiltInRole::by_id(*id).is_some()));
        }
    }

    #[test]
    fn who_may_not_give_roles_gives_no_rights_by_policies_or_new_roles_either() {
        let role = |actions: &[&str]| {
            let actions = actions.iter().map(|action| (*action).to_owned()).collect();
            permissions(&RoleRecord { actions, ..RoleRecord::default() })
        };
        assert!(role(&["Microsoft.KeyVault/vaults/accessPolicies/write"]).is_empty());
        assert!(role(&["Microsoft.Authorization/roleDefinitions/write"]).is_empty());
        assert!(
            role(&["Microsoft.KeyVault/vaults/accessPolicies/write", "Microsoft.Authorization/roleAssignments/write"])
                .contains(Permission::WriteAccessPolicy)
        );
    }
}
