//! Deletes a resource group: soft-deletes its vaults, in pieces, and then forgets the group. What is left if it breaks off is a group with
//! fewer vaults, to be deleted again.

use std::sync::Arc;

use super::{
    Audited, Operation,
    create_vault::no_group,
    delete_vault::{deleted, versions_of},
    purge_vault::remove_assignments,
    vault_settings::VaultChange,
};
use crate::{
    error::Result,
    id::Id,
    keys::{
        catalog::{Vault, Version, View},
        ledger::Entry,
        record::{GroupRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Rows in one transaction; the store takes a hundred.
const ROWS_AT_ONCE: usize = 64;

/// Which group.
pub struct DeleteGroup(pub String);

/// What one transaction did.
enum Step {
    /// These vaults (by name) are deleted, with these versions of keys in them.
    Vaults(Vec<String>, Vec<Id>),
    /// Some of what roles said of the group is gone.
    Assignments,
    /// The group is gone.
    Done(Arc<GroupRecord>),
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "group.delete";
    const PERMISSION: Permission = Permission::DeleteGroup;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Arc<GroupRecord>;

    fn place(&self) -> Place {
        Place::Group(self.0.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let by = VaultChange::by(grant.caller());
        let name = &grant.operation().0;
        let keys = &rooms.keys;
        loop {
            let step = keys.write(|_| {
                let view = keys.catalog.view();
                // Under the lock: a vault that was made a moment ago counts too.
                check_vaults(&grant, rooms, &view)?;
                step(&view, name, &by)
            })?;
            match step {
                Step::Vaults(names, versions) => {
                    keys.forget_all(versions);
                    for vault in names {
                        rooms.audit.note("vault.delete", Some(&vault), None, Some(format!("with the group {name}")))?;
                    }
                }
                Step::Assignments => {}
                Step::Done(group) => return Ok(group),
            }
        }
    }
}

/// Who deletes a group must be allowed to delete every vault in it; else nothing is.
fn check_vaults(grant: &Authorized<DeleteGroup>, rooms: &Unsealed, view: &View) -> Result<()> {
    let check = |vault| rooms.policy.check(view, grant.caller(), Some(vault), Permission::DeleteVault);
    vaults_in(view, &grant.operation().0).into_iter().try_for_each(check)
}

fn vaults_in<'a>(view: &'a View, group: &str) -> Vec<&'a Vault> {
    view.vaults().into_iter().filter(|vault| vault.record.resource_group.eq_ignore_ascii_case(group)).collect()
}

fn step(view: &View, name: &str, by: &VaultChange) -> Result<(Vec<Entry>, Step)> {
    let lower = name.to_ascii_lowercase();
    let group = view.directory.groups.get(&lower).ok_or_else(|| no_group(name))?;
    let mut vaults = vaults_in(view, name);
    if !vaults.is_empty() {
        vaults.truncate(ROWS_AT_ONCE);
        let entries =
            vaults.iter().map(|vault| Entry::put(row::vault(vault.id), &deleted(&vault.record, by))).collect();
        let names = vaults.iter().map(|vault| vault.record.name.clone()).collect();
        return Ok((entries, Step::Vaults(names, vaults.iter().flat_map(|vault| versions_of(vault)).collect())));
    }
    // Another group of this name must not inherit who may use it. What roles said of the vaults stays with them, for their recovery.
    let mut entries = remove_assignments(view, |scope| scope.vault.is_none() && scope.group.as_ref() == Some(&lower));
    if entries.len() > ROWS_AT_ONCE {
        entries.truncate(ROWS_AT_ONCE);
        return Ok((entries, Step::Assignments));
    }
    entries.push(Entry::delete(row::group(&lower)));
    Ok((entries, Step::Done(group.clone())))
}
