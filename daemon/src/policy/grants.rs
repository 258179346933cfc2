//! What a vault's access policies and the role assignments come down to: sets of permissions by object id, made once when the catalog takes
//! in the record, so that a decision only looks them up.

use std::collections::HashMap;

use super::{
    permission::{Area, Permission, SO_GRANT, USER_GRANT},
    permission_set::PermissionSet,
    roles,
    scope::{Address, Scope},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{UserType, pin_object_id, subscription_id},
    keys::record::{AccessPolicyRecord, AssignmentRecord, RoleRecord, VaultRecord},
};

/// The word that stands for every permission of a list.
pub const ALL: &str = "all";

/// What PKCS#11 gives a logged-in user whatever their entry says, as long as there is any key they may touch.
const TOKEN_USER: PermissionSet = PermissionSet::of(&[
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::ChangePin,
    Permission::CreatePublic,
    Permission::UseOwnObject,
    Permission::MakePrivateObject,
]);
/// What is left to a user with an empty entry.
const EMPTY_USER: PermissionSet =
    PermissionSet::of(&[Permission::SeeToken, Permission::Login, Permission::ReadPublic, Permission::ChangePin]);
/// What a PIN user's entry may give beyond [`USER_GRANT`]: a vault may show its secrets as data objects.
const USER_SECRETS: PermissionSet = PermissionSet::of(&[Permission::GetSecret, Permission::ListSecrets]);

/// The access policies of one vault.
#[derive(Default)]
pub struct Grants {
    entries: HashMap<Id, Vec<Entry>>,
    pin_user: PermissionSet,
}

struct Entry {
    /// Only for a caller who is this application.
    application: Option<Id>,
    permissions: PermissionSet,
}

impl Grants {
    /// Of a vault's record. Names that are none (of a newer version, say) give nothing.
    pub fn of(record: &VaultRecord, cluster: Id, vault: Id) -> Self {
        let mut entries: HashMap<Id, Vec<Entry>> = HashMap::new();
        for entry in &record.access_policies {
            let Ok(object_id) = Id::from_bytes(&entry.object_id) else { continue };
            let application = Id::from_bytes(&entry.application_id).ok();
            if application.is_none() && !entry.application_id.is_empty() {
                continue;
            }
            entries.entry(object_id).or_default().push(Entry { application, permissions: permissions(entry) });
        }
        let own = entries.remove(&pin_object_id(cluster, UserType::User, vault));
        entries.remove(&pin_object_id(cluster, UserType::SecurityOfficer, vault));
        // A record from before there were entries has none for anybody.
        let pin_user = own.map_or(USER_GRANT, |own| pin_user(together(&own, None)));
        Self { entries, pin_user }
    }

    /// What a principal's entries allow it.
    pub fn of_principal(&self, object_id: Id, application: Option<Id>) -> PermissionSet {
        self.entries.get(&object_id).map_or(PermissionSet::EMPTY, |entries| together(entries, application))
    }

    /// What a PKCS#11 login allows.
    pub fn of_pin(&self, user_type: UserType) -> PermissionSet {
        match user_type {
            UserType::User => self.pin_user,
            UserType::SecurityOfficer => SO_GRANT,
        }
    }
}

fn together(entries: &[Entry], application: Option<Id>) -> PermissionSet {
    entries
        .iter()
        .filter(|entry| entry.application.is_none() || entry.application == application)
        .fold(PermissionSet::EMPTY, |all, entry| all.union(entry.permissions))
}

/// An entry of the PIN user gives what PKCS#11 has, and no more.
fn pin_user(entry: PermissionSet) -> PermissionSet {
    let keys = entry.intersection(USER_GRANT);
    let token = if keys.is_empty() { EMPTY_USER } else { TOKEN_USER };
    keys.union(token).union(entry.intersection(USER_SECRETS))
}

/// What the lists of an entry allow.
pub fn permissions(entry: &AccessPolicyRecord) -> PermissionSet {
    let lists = [(Area::Key, &entry.keys), (Area::Secret, &entry.secrets), (Area::Certificate, &entry.certificates)];
    lists.into_iter().fold(PermissionSet::EMPTY, |set, (area, names)| set.union(named(area, names)))
}

fn named(area: Area, names: &[String]) -> PermissionSet {
    if names.iter().any(|name| name.eq_ignore_ascii_case(ALL)) {
        return PermissionSet::area(area);
    }
    names.iter().flat_map(|name| Permission::named(area, name)).collect()
}

/// Permissions that Key Vault has for storage accounts, which it no longer manages. They are kept and give nothing.
const STORAGE: [&str; 14] = [
    "get",
    "list",
    "delete",
    "set",
    "update",
    "regeneratekey",
    "recover",
    "purge",
    "backup",
    "restore",
    "setsas",
    "listsas",
    "getsas",
    "deletesas",
];

/// Checks a list of an entry (`None`: the one for storage) and gives it back as it is kept: each name once, as Key Vault writes it.
pub fn check_names(area: Option<Area>, names: Vec<String>) -> Result<Vec<String>> {
    let legal = area.map_or_else(|| STORAGE.to_vec(), Permission::names);
    let mut checked: Vec<String> = Vec::with_capacity(names.len().min(legal.len()));
    for name in names {
        let found = legal.iter().copied().chain([ALL]).find(|legal| legal.eq_ignore_ascii_case(&name));
        let found = found.ok_or_else(|| {
            let list = match area {
                Some(Area::Key) => "key",
                Some(Area::Secret) => "secret",
                Some(Area::Certificate) => "certificate",
                _ => "storage",
            };
            let legal = legal.join(", ");
            let what = format!("there is no {list} permission '{name}'; there are: {ALL}, {legal}");
            Error::new(ErrorCode::InvalidArgument, what)
        })?;
        if !checked.iter().any(|one| one == found) {
            checked.push(found.to_owned());
        }
    }
    Ok(checked)
}

/// The same for a whole entry.
pub fn check_entry(entry: AccessPolicyRecord) -> Result<AccessPolicyRecord> {
    Ok(AccessPolicyRecord {
        keys: check_names(Some(Area::Key), entry.keys)?,
        secrets: check_names(Some(Area::Secret), entry.secrets)?,
        certificates: check_names(Some(Area::Certificate), entry.certificates)?,
        storage: check_names(None, entry.storage)?,
        ..entry
    })
}

/// A role that somebody has.
#[derive(Clone, Debug)]
pub struct Right {
    /// The assignment.
    pub assignment: Id,
    /// The role.
    pub role: Id,
    /// Where.
    pub scope: Scope,
    /// When it was given, in Unix seconds.
    pub created: i64,
    /// What the role allows; nothing if it is gone.
    pub permissions: PermissionSet,
}

impl Right {
    /// Of an assignment's record; `role` finds a role of one's own. `None` if it cannot be read, which gives nothing.
    pub fn of<'a>(
        id: Id,
        record: &AssignmentRecord,
        cluster: Id,
        role: impl FnOnce(Id) -> Option<&'a RoleRecord>,
    ) -> Option<Self> {
        let role_id = Id::from_bytes(&record.role).ok()?;
        let scope = Scope::parse(&record.scope, subscription_id(cluster)).ok()?;
        let permissions =
            roles::built_in_permissions(role_id).or_else(|| role(role_id).map(roles::permissions)).unwrap_or_default();
        Some(Self { assignment: id, role: role_id, scope, created: record.created, permissions })
    }

    /// Whether it reaches a place. What was given before a vault or group was made was for an earlier one of the same name.
    pub fn reaches(&self, address: &Address<'_>, vault_made: Option<i64>, group_made: Option<i64>) -> bool {
        let made = match (&self.scope.vault, &self.scope.group) {
            (Some(_), _) => vault_made,
            (None, Some(_)) => group_made,
            (None, None) => None,
        };
        made.is_none_or(|made| self.created >= made) && self.scope.covers(address)
    }
}
