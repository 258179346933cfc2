//! Who there is beside the vaults: users and service principals, roles and who has them, groups, tokens that were made worthless.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::decode;
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::record::{AssignmentRecord, GroupRecord, PrincipalRecord, RevokedRecord, RoleRecord},
    policy::Right,
};

/// Users, service principals, roles, groups.
#[derive(Default)]
pub struct Directory {
    /// Users and service principals by object id.
    pub principals: BTreeMap<Id, Arc<PrincipalRecord>>,
    /// Role assignments by id.
    pub assignments: BTreeMap<Id, Arc<AssignmentRecord>>,
    /// Roles of one's own by id.
    pub roles: BTreeMap<Id, Arc<RoleRecord>>,
    /// Groups by name in lower case.
    pub groups: BTreeMap<String, Arc<GroupRecord>>,
    /// When the tokens end that were made worthless, by token.
    pub revoked: HashMap<Id, i64>,
    by_name: HashMap<String, Id>,
    by_app: HashMap<Id, Id>,
    rights: HashMap<Id, Vec<Right>>,
    cluster: Id,
}

impl Directory {
    /// Of a store.
    pub(super) fn new(cluster: Id) -> Self {
        Self { cluster, ..Self::default() }
    }

    /// The roles that a principal has, and what they come down to.
    pub fn rights_of(&self, principal: Id) -> &[Right] {
        self.rights.get(&principal).map_or(&[], Vec::as_slice)
    }

    fn put_right(&mut self, id: Id) {
        let Some(record) = self.assignments.get(&id) else { return };
        let Ok(principal) = Id::from_bytes(&record.principal) else { return };
        let role = |role: Id| self.roles.get(&role).map(|role| &**role);
        if let Some(right) = Right::of(id, record, self.cluster, role) {
            self.rights.entry(principal).or_default().push(right);
        }
    }

    fn remove_right(&mut self, id: Id) {
        let Some(principal) = self.assignments.get(&id).and_then(|record| Id::from_bytes(&record.principal).ok())
        else {
            return;
        };
        if let Some(rights) = self.rights.get_mut(&principal) {
            rights.retain(|right| right.assignment != id);
            if rights.is_empty() {
                self.rights.remove(&principal);
            }
        }
    }

    /// A role has changed: so has what its holders may do.
    fn refresh(&mut self, role: Id) {
        let holders: Vec<Id> =
            self.assignments.iter().filter(|(_, record)| record.role == role.0).map(|(id, _)| *id).collect();
        for assignment in holders {
            self.remove_right(assignment);
            self.put_right(assignment);
        }
    }

    /// A user by name, whatever its case.
    pub fn user(&self, name: &str) -> Option<&Arc<PrincipalRecord>> {
        self.by_name.get(&name.to_ascii_lowercase()).and_then(|id| self.principals.get(id))
    }

    /// A service principal by app id.
    pub fn application(&self, app: Id) -> Option<&Arc<PrincipalRecord>> {
        self.by_app.get(&app).and_then(|id| self.principals.get(id))
    }

    /// The roles that a principal has.
    pub fn assignments_of(&self, principal: Id) -> impl Iterator<Item = &Arc<AssignmentRecord>> {
        self.assignments.values().filter(move |record| record.principal == principal.0)
    }

    /// Takes in a row; `false` when it is none of these.
    pub(super) fn apply(&mut self, kind: &str, rest: &str, body: Option<&[u8]>) -> Result<bool> {
        match kind {
            "principal" => {
                let id = Id::parse(rest)?;
                if let Some(old) = self.principals.remove(&id) {
                    self.by_name.remove(&old.name.to_ascii_lowercase());
                    self.by_app.retain(|_, owner| *owner != id);
                }
                if let Some(body) = body {
                    let record = decode::<PrincipalRecord>(body)?;
                    if record.object_id != id.0 {
                        return Err(Error::new(ErrorCode::RecordDamaged, "a principal's row has another's record"));
                    }
                    if !record.name.is_empty() {
                        self.by_name.insert(record.name.to_ascii_lowercase(), id);
                    }
                    if let Ok(app) = Id::from_bytes(&record.app_id) {
                        self.by_app.insert(app, id);
                    }
                    self.principals.insert(id, Arc::new(record));
                }
            }
            "assignment" => {
                let id = Id::parse(rest)?;
                self.remove_right(id);
                put(&mut self.assignments, id, body)?;
                self.put_right(id);
            }
            "role" => {
                let id = Id::parse(rest)?;
                put(&mut self.roles, id, body)?;
                self.refresh(id);
            }
            "group" => put(&mut self.groups, rest.to_owned(), body)?,
            "revoked" => {
                let id = Id::parse(rest)?;
                match body.map(decode::<RevokedRecord>).transpose()? {
                    Some(record) => drop(self.revoked.insert(id, record.expires)),
                    None => drop(self.revoked.remove(&id)),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn put<K: Ord, R: prost::Message + Default>(map: &mut BTreeMap<K, Arc<R>>, key: K, body: Option<&[u8]>) -> Result<()> {
    match body.map(decode::<R>).transpose()? {
        Some(record) => drop(map.insert(key, Arc::new(record))),
        None => drop(map.remove(&key)),
    }
    Ok(())
}
