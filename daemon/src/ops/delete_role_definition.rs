//! Deletes a role of one's own that nobody has any more.

use super::{
    Audited, Operation,
    list_role_definitions::{self as definitions, RoleView},
    set_role_definition::scopes_of,
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target},
    workers::Lane,
};

/// By id or name.
pub struct DeleteRoleDefinition(pub String);

impl Operation for DeleteRoleDefinition {
    const NAME: &'static str = "role-definition.delete";
    /// Whether the caller may is decided where the role can be given, which only its record says.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Administration;
    type Reply = RoleView;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<RoleView> {
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let role = definitions::find(&view, &grant.operation().0)?;
            if !role.custom {
                return Err(Error::new(ErrorCode::InvalidArgument, "a built-in role stays"));
            }
            for scope in scopes_of(&role.record, view.cluster) {
                rooms.policy.check_at(&view, grant.caller(), Target::Scope(&scope), Permission::WriteRoles)?;
            }
            let count = view.directory.assignments.values().filter(|one| one.role == role.record.id).count();
            if count > 0 {
                let held = format!("the role is given {count} times; take it first: softkeep role assignment delete");
                return Err(Error::new(ErrorCode::Conflict, held));
            }
            let id = definitions::id_of(&role.record)?;
            Ok((vec![Entry::delete(row::role(id))], role))
        })
    }
}
