//! Takes a role from somebody.

use super::{Audited, Operation, list_role_assignments::AssignmentView};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, scope::Scope},
    workers::Lane,
};

/// Which assignment.
pub struct DeleteRoleAssignment(pub Id);

impl Operation for DeleteRoleAssignment {
    const NAME: &'static str = "role-assignment.delete";
    /// Whether the caller may is decided at the assignment's scope, which only its record says.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Administration;
    type Reply = AssignmentView;

    fn place(&self) -> Place {
        Place::Principal(self.0.guid())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<AssignmentView> {
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let id = grant.operation().0;
            let not_found = || Error::new(ErrorCode::RoleNotFound, format!("no role assignment {}", id.guid()));
            let record = view.directory.assignments.get(&id).ok_or_else(not_found)?;
            let scope = Scope::parse(&record.scope, view.cluster)?;
            if !rooms.policy.may_give(&view, grant.caller(), &scope, Id::from_bytes(&record.role)?) {
                let refused = format!("{} may not {}", grant.caller(), Permission::AssignRoles.full_name());
                return Err(Error::new(ErrorCode::PermissionDenied, refused));
            }
            Ok((vec![Entry::delete(row::assignment(id))], AssignmentView::of(rooms, &view, record)))
        })
    }
}
