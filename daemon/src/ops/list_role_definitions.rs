//! Lists the roles: the built-in ones and those of one's own.

use super::{Audited, Operation};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Version, View},
        record::RoleRecord,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target, principals::parse_guid, roles::BUILT_IN_ROLES, scope::Scope},
    workers::Lane,
};

/// Which of them.
pub struct ListRoleDefinitions {
    /// Exactly this name; empty means all.
    pub name: String,
    /// Without the built-in ones.
    pub custom_only: bool,
}

/// A role as it is shown.
pub struct RoleView {
    /// What it is; a built-in one in the same form.
    pub record: RoleRecord,
    /// Somebody made it here.
    pub custom: bool,
}

impl Operation for ListRoleDefinitions {
    const NAME: &'static str = "role-definition.list";
    /// The built-in ones are known to everybody. Those of one's own are shown with the scopes at which the caller may read roles, because
    /// scopes name groups and vaults; without such a scope they are not shown.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<RoleView>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<RoleView>> {
        let view = rooms.keys.catalog.view();
        let wanted = grant.operation();
        let mut all = all(&view);
        all.retain(|role| {
            (role.custom || !wanted.custom_only)
                && (wanted.name.is_empty() || role.record.name.eq_ignore_ascii_case(&wanted.name))
        });
        for role in all.iter_mut().filter(|role| role.custom) {
            role.record.assignable_scopes.retain(|text| {
                let scope = Scope::parse(text, view.cluster).unwrap_or_default();
                let target = Target::Scope(&scope);
                scope == Scope::default() || rooms.policy.allows(&view, grant.caller(), target, Permission::ReadRoles)
            });
        }
        all.retain(|role| !role.record.assignable_scopes.is_empty());
        all.sort_by(|one, other| one.record.name.cmp(&other.record.name));
        Ok(all)
    }
}

fn all(view: &View) -> Vec<RoleView> {
    let built_in = BUILT_IN_ROLES.iter().map(|role| RoleView { record: role.record(), custom: false });
    let custom = view.directory.roles.values().map(|role| RoleView { record: (**role).clone(), custom: true });
    built_in.chain(custom).collect()
}

/// Finds a role by id (a GUID, also at the end of a resource id) or name.
pub fn find(view: &View, role: &str) -> Result<RoleView> {
    let last = role.rsplit('/').next().unwrap_or(role);
    let id = parse_guid(last).ok();
    all(view)
        .into_iter()
        .find(|one| match id {
            Some(id) => one.record.id == id.0,
            None => one.record.name.eq_ignore_ascii_case(role),
        })
        .ok_or_else(|| Error::new(ErrorCode::RoleNotFound, format!("no role '{role}'")))
}

/// The id of a role.
pub fn id_of(role: &RoleRecord) -> Result<Id> {
    Id::from_bytes(&role.id)
}
