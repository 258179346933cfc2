//! Lists who has which role where.

use std::sync::Arc;

use super::{Audited, Operation, list_role_definitions as definitions};
use crate::{
    error::Result,
    id::Id,
    keys::{
        catalog::{Version, View},
        record::AssignmentRecord,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target, principals::Who, scope::Scope},
    workers::Lane,
};

/// Which of them.
pub struct ListRoleAssignments {
    /// Those there; `None` means everywhere.
    pub scope: Option<Scope>,
    /// Whose; empty means anybody's.
    pub principal: String,
    /// Which role; empty means any.
    pub role: String,
    /// Also those above the scope, which reach it.
    pub include_inherited: bool,
    /// Also those below.
    pub include_below: bool,
}

/// A role assignment as it is shown.
pub struct AssignmentView {
    /// The record.
    pub record: Arc<AssignmentRecord>,
    /// The role's name; empty if it is gone.
    pub role_name: String,
    /// Who has it.
    pub who: Who,
    /// Where, with the names of group and vault as they were given.
    pub scope: Scope,
}

impl AssignmentView {
    /// Of a record.
    pub fn of(rooms: &Unsealed, view: &View, record: &Arc<AssignmentRecord>) -> Self {
        let id = |bytes: &[u8]| Id::from_bytes(bytes).unwrap_or_default();
        let role_name = definitions::find(view, &id(&record.role).to_string()).map(|role| role.record.name);
        let who = Who::by_object_id(view, id(&record.principal), &rooms.policy.known_peers(view));
        let scope = Scope::parse(&record.scope, view.cluster).unwrap_or_default();
        Self { record: record.clone(), role_name: role_name.unwrap_or_default(), who, scope: spelled(view, scope) }
    }
}

impl Operation for ListRoleAssignments {
    const NAME: &'static str = "role-assignment.list";
    /// Each one is shown to who may read roles at its scope, and to who has it.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<AssignmentView>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<AssignmentView>> {
        let view = rooms.keys.catalog.view();
        let wanted = grant.operation();
        let principal = match wanted.principal.as_str() {
            "" => None,
            name => match Who::find(&view, name, None).and_then(|who| who.object_id(view.cluster)) {
                Ok(principal) => Some(principal),
                // Who may not know of roles anywhere is not told by this who there is.
                Err(_) if !rooms.policy.allows(&view, grant.caller(), Target::Daemon, Permission::ReadRoles) => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            },
        };
        let role = match wanted.role.as_str() {
            "" => None,
            name => Some(definitions::find(&view, name)?.record.id),
        };
        let own = grant.caller().object_id(view.cluster);
        let mut found = Vec::new();
        for record in view.directory.assignments.values() {
            let Ok(scope) = Scope::parse(&record.scope, view.cluster) else { continue };
            let fits = principal.is_none_or(|principal| record.principal == principal.0)
                && role.as_ref().is_none_or(|role| record.role == *role)
                && wanted.scope.as_ref().is_none_or(|asked| is_in_reach(asked, &scope, wanted));
            let may_see = || {
                own.is_some_and(|own| record.principal == own.0)
                    || rooms.policy.allows(&view, grant.caller(), Target::Scope(&scope), Permission::ReadRoles)
            };
            if fits && may_see() {
                found.push(AssignmentView::of(rooms, &view, record));
            }
        }
        found.sort_by_key(|one| (one.record.created, one.record.id.clone()));
        Ok(found)
    }
}

/// Whether an assignment's scope is the one asked for, or above or below it as far as that was asked for too. A vault's name is enough:
/// the group may be left out.
fn is_in_reach(asked: &Scope, scope: &Scope, wanted: &ListRoleAssignments) -> bool {
    let asked = match (&asked.vault, &asked.group) {
        (Some(_), None) => Scope { group: scope.group.clone().filter(|_| scope.vault == asked.vault), ..asked.clone() },
        _ => asked.clone(),
    };
    asked == *scope
        || (wanted.include_inherited && scope.covers(&asked.address()))
        || (wanted.include_below && asked.covers(&scope.address()))
}

/// A scope with the names of group and vault as they were given.
fn spelled(view: &View, scope: Scope) -> Scope {
    let group = |name: String| view.directory.groups.get(&name).map_or(name, |group| group.name.clone());
    let vault = |name: String| view.vault_named(&name).map_or(name, |vault| vault.record.name.clone());
    Scope { group: scope.group.map(group), vault: scope.vault.map(vault), object: scope.object }
}
