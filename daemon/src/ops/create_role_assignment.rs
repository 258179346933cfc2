//! Gives somebody a role. Nobody gives one at a wider scope than that of their own right to give roles.

use std::sync::Arc;

use super::{
    Audited, Operation, list_role_assignments::AssignmentView, list_role_definitions as definitions,
    set_role_definition::scopes_of,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::random_object_id,
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::{AssignmentRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who, scope::Scope},
    workers::Lane,
};

/// More would make deciding slow.
const MAX_ASSIGNMENTS: usize = 10_000;
/// Of one principal: each is looked at when it is decided on.
const MAX_ASSIGNMENTS_OF_ONE: usize = 500;

/// Which role, whose, where.
pub struct CreateRoleAssignment {
    /// Id or name.
    pub role: String,
    /// Object id or name.
    pub principal: String,
    /// Where.
    pub scope: Scope,
    /// The caller's choice.
    pub id: Option<Id>,
}

impl Operation for CreateRoleAssignment {
    const NAME: &'static str = "role-assignment.create";
    const PERMISSION: Permission = Permission::AssignRoles;
    const AUDITED: Audited = Audited::Administration;
    type Reply = AssignmentView;

    fn place(&self) -> Place {
        Place::Scope(self.scope.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<AssignmentView> {
        let keys = &rooms.keys;
        let fresh = random_object_id()?;
        keys.write(|_| {
            let view = keys.catalog.view();
            let operation = grant.operation();
            let scope = as_it_is(&view, &operation.scope)?;
            let role = definitions::find(&view, &operation.role)?;
            let role_id = definitions::id_of(&role.record)?;
            if !rooms.policy.may_give(&view, grant.caller(), &scope, role_id) {
                let refused = format!("{} may not give the role '{}' here", grant.caller(), role.record.name);
                return Err(Error::new(ErrorCode::PermissionDenied, refused));
            }
            if !scopes_of(&role.record, view.cluster).iter().any(|assignable| assignable.covers(&scope.address())) {
                let refused = format!("the role '{}' cannot be given at this scope", role.record.name);
                return Err(Error::new(ErrorCode::InvalidArgument, refused));
            }
            let who = find_principal(&view, &operation.principal)?;
            let principal = who.object_id(view.cluster)?;
            let record = AssignmentRecord {
                id: operation.id.unwrap_or(fresh).0.to_vec(),
                role: role_id.0.to_vec(),
                principal: principal.0.to_vec(),
                scope: scope.to_string(),
                // Never before what it is for, whatever the clock said then.
                created: made(&view, &scope).map_or(clock::now_seconds(), |made| made.max(clock::now_seconds())),
                created_by: grant.caller().principal_name(),
            };
            let all = &view.directory.assignments;
            let same = |one: &AssignmentRecord| {
                (&one.role, &one.principal, &one.scope) == (&record.role, &record.principal, &record.scope)
            };
            if let Some(there) = all.values().find(|one| same(one)) {
                // Given again it stays as it is, unless it was given for an earlier vault of the same name.
                if reaches_now(&view, there) {
                    return Ok((Vec::new(), AssignmentView::of(rooms, &view, there)));
                }
                let again = AssignmentRecord { id: there.id.clone(), ..record };
                let entry = Entry::put(row::assignment(Id::from_bytes(&again.id)?), &again);
                return Ok((vec![entry], AssignmentView::of(rooms, &view, &Arc::new(again))));
            }
            if operation.id.is_some_and(|id| all.contains_key(&id)) {
                return Err(Error::new(ErrorCode::AlreadyExists, "there is another role assignment of that id"));
            }
            if all.len() >= MAX_ASSIGNMENTS || view.directory.rights_of(principal).len() >= MAX_ASSIGNMENTS_OF_ONE {
                let full =
                    format!("at most {MAX_ASSIGNMENTS} role assignments, {MAX_ASSIGNMENTS_OF_ONE} of one principal");
                return Err(Error::new(ErrorCode::InvalidArgument, full));
            }
            let entry = Entry::put(row::assignment(Id::from_bytes(&record.id)?), &record);
            Ok((vec![entry], AssignmentView::of(rooms, &view, &Arc::new(record))))
        })
    }
}

/// The scope with the vault's own group, whatever the caller said; a vault must be there.
fn as_it_is(view: &View, scope: &Scope) -> Result<Scope> {
    if let Some(name) = &scope.vault {
        let vault = view.vault_named(name).ok_or_else(|| Error::vault_not_found(name))?;
        let group = Some(vault.record.resource_group.to_ascii_lowercase()).filter(|group| !group.is_empty());
        if scope.group.is_some() && scope.group != group {
            return Err(Error::vault_not_found(name));
        }
        return Ok(Scope { group, ..scope.clone() });
    }
    if let Some(name) = &scope.group
        && !view.directory.groups.contains_key(name)
    {
        return Err(Error::new(ErrorCode::GroupNotFound, format!("no group '{name}'")));
    }
    Ok(scope.clone())
}

/// When the vault or group of a scope was made.
fn made(view: &View, scope: &Scope) -> Option<i64> {
    match (&scope.vault, &scope.group) {
        (Some(name), _) => view.vault_named(name).map(|vault| vault.record.created),
        (None, Some(name)) => view.directory.groups.get(name).map(|group| group.created),
        (None, None) => None,
    }
}

fn reaches_now(view: &View, record: &AssignmentRecord) -> bool {
    let scope = Scope::parse(&record.scope, view.cluster);
    scope.is_ok_and(|scope| made(view, &scope).is_none_or(|made| record.created >= made))
}

/// Who gets it. An object id that is nobody's on record may be a peer's, which is known by nothing else; PIN users have entries instead.
fn find_principal(view: &View, name: &str) -> Result<Who> {
    match Who::find(view, name, None)? {
        Who::Pin(..) => Err(Error::new(
            ErrorCode::InvalidArgument,
            "a vault's PKCS#11 users have an access policy instead of roles: softkeep keyvault set-policy",
        )),
        Who::Unknown(id) if id.0[6] >> 4 != DERIVED_VERSION => {
            Err(Error::new(ErrorCode::PrincipalNotFound, format!("no principal '{name}'")))
        }
        known => Ok(known),
    }
}

/// The UUID version of the object ids of peers.
const DERIVED_VERSION: u8 = 8;
