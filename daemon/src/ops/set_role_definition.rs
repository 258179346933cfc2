//! Makes or changes a role of one's own. Who may give rights at every place where it can be given, and nobody else.

use std::collections::BTreeSet;

use softkeep_proto::v1::RoleDefinition;

use super::{
    Audited, Operation,
    list_role_definitions::{self as definitions, RoleView},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::random_object_id,
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::{RoleRecord, row},
    },
    pipeline::Unsealed,
    policy::{
        Authorized, Permission, Place, Target,
        principals::parse_guid,
        roles::{self, BUILT_IN_ROLES},
        scope::Scope,
    },
    workers::Lane,
};

const MAX_NAME_BYTES: usize = 128;
const MAX_DESCRIPTION_BYTES: usize = 1024;
const MAX_ACTIONS: usize = 200;
const MAX_ACTION_BYTES: usize = 256;
const MAX_ROLES: usize = 1000;

/// A role of one's own.
pub struct SetRoleDefinition {
    id: Option<Id>,
    record: RoleRecord,
    scopes: Vec<Scope>,
}

impl SetRoleDefinition {
    /// Checks what the caller asks for.
    pub fn parse(definition: RoleDefinition, subscription: Id) -> Result<Self> {
        let invalid = |what: String| Error::new(ErrorCode::InvalidArgument, what);
        let id = match definition.id.rsplit('/').next().unwrap_or_default() {
            "" => None,
            id => Some(parse_guid(id)?),
        };
        let is_text = |text: &str, most: usize| text.len() <= most && !text.chars().any(char::is_control);
        if definition.name.is_empty() || !is_text(&definition.name, MAX_NAME_BYTES) {
            return Err(invalid(format!("a role has a name of 1 to {MAX_NAME_BYTES} bytes")));
        }
        if !is_text(&definition.description, MAX_DESCRIPTION_BYTES) {
            return Err(invalid(format!("a description has at most {MAX_DESCRIPTION_BYTES} bytes")));
        }
        for list in
            [&definition.actions, &definition.not_actions, &definition.data_actions, &definition.not_data_actions]
        {
            if list.len() > MAX_ACTIONS {
                return Err(invalid(format!("a role has at most {MAX_ACTIONS} actions of a kind")));
            }
            if let Some(wrong) = list.iter().find(|action| !is_action(action)) {
                return Err(invalid(format!(
                    "'{wrong}' is no action: 'Microsoft.KeyVault/vaults/keys/sign/action', say"
                )));
            }
        }
        let mut scopes = Vec::new();
        for scope in &definition.assignable_scopes {
            scopes.push(Scope::parse(scope, subscription)?);
        }
        if scopes.is_empty() {
            scopes.push(Scope::default());
        }
        if scopes.len() > MAX_ACTIONS {
            return Err(invalid(format!("a role can be given at {MAX_ACTIONS} scopes at most")));
        }
        let record = RoleRecord {
            id: Vec::new(),
            name: definition.name,
            description: definition.description,
            actions: definition.actions,
            not_actions: definition.not_actions,
            data_actions: definition.data_actions,
            not_data_actions: definition.not_data_actions,
            assignable_scopes: scopes.iter().map(Scope::to_string).collect::<BTreeSet<_>>().into_iter().collect(),
        };
        Ok(Self { id, record, scopes })
    }
}

/// The data plane is known from end to end: an action of it that gives nothing is a mistake. Comparing them all is work, so it is done for
/// those alone who may make roles.
fn check_data_actions(record: &RoleRecord) -> Result<()> {
    for action in record.data_actions.iter().chain(&record.not_data_actions) {
        let alone = RoleRecord { data_actions: vec![action.clone()], ..RoleRecord::default() };
        if roles::permissions(&alone).is_empty() {
            let none = format!("there is no data action '{action}'");
            return Err(Error::new(ErrorCode::InvalidArgument, none));
        }
    }
    Ok(())
}

/// Words between slashes, and stars.
fn is_action(action: &str) -> bool {
    (1..=MAX_ACTION_BYTES).contains(&action.len())
        && action.chars().all(|character| character.is_ascii_alphanumeric() || "./*-_".contains(character))
}

impl Operation for SetRoleDefinition {
    const NAME: &'static str = "role-definition.set";
    const PERMISSION: Permission = Permission::WriteRoles;
    const AUDITED: Audited = Audited::Administration;
    type Reply = RoleView;

    fn place(&self) -> Place {
        Place::Scope(self.scopes.first().cloned().unwrap_or_default())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<RoleView> {
        let fresh = random_object_id()?;
        check_data_actions(&grant.operation().record)?;
        let keys = &rooms.keys;
        let record = keys.write(|_| {
            let view = keys.catalog.view();
            let operation = grant.operation();
            let old = match operation.id {
                Some(id) => view.directory.roles.get(&id).cloned(),
                None => named(&view, &operation.record.name),
            };
            let id = old.as_ref().and_then(|old| definitions::id_of(old).ok()).or(operation.id).unwrap_or(fresh);
            let is_other =
                |other: &RoleRecord| other.id != id.0 && other.name.eq_ignore_ascii_case(&operation.record.name);
            if BUILT_IN_ROLES.iter().any(|role| role.id == id || is_other(&role.record()))
                || view.directory.roles.values().any(|role| is_other(role))
            {
                return Err(Error::new(ErrorCode::AlreadyExists, "there is another role of that id or name"));
            }
            if old.is_none() && view.directory.roles.len() >= MAX_ROLES {
                let full = format!("there are at most {MAX_ROLES} roles of one's own");
                return Err(Error::new(ErrorCode::InvalidArgument, full));
            }
            // Where it was so far counts too, and where it is held, be it from before its scopes were narrowed: whoever has it there has it
            // changed.
            let before = old.iter().flat_map(|old| scopes_of(old, view.cluster));
            let held = view.directory.assignments.values().filter(|one| one.role == id.0);
            let held = held.map(|one| Scope::parse(&one.scope, view.cluster).unwrap_or_default());
            for scope in operation.scopes.iter().cloned().chain(before).chain(held) {
                rooms.policy.check_at(&view, grant.caller(), Target::Scope(&scope), Permission::WriteRoles)?;
            }
            let record = RoleRecord { id: id.0.to_vec(), ..operation.record.clone() };
            Ok((vec![Entry::put(row::role(id), &record)], record))
        })?;
        Ok(RoleView { record, custom: true })
    }
}

fn named(view: &View, name: &str) -> Option<std::sync::Arc<RoleRecord>> {
    view.directory.roles.values().find(|role| role.name.eq_ignore_ascii_case(name)).cloned()
}

/// Where a role can be given. A scope that cannot be read stands for everywhere, so that nobody gains by it.
pub fn scopes_of(role: &RoleRecord, subscription: Id) -> Vec<Scope> {
    role.assignable_scopes.iter().map(|scope| Scope::parse(scope, subscription).unwrap_or_default()).collect()
}
