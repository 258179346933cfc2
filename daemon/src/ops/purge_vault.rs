//! Destroys a deleted vault: its key-encryption key first, in one transaction, which makes every sealed row worthless; then its rows.

use super::{Audited, Operation, delete_vault::versions_of, remove_purged_vault::RemovePurgedVault};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::subscription_id,
    jobs::Job,
    keys::{
        Keys,
        catalog::{Vault, Version, View},
        ledger::Entry,
        record::{VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, scope::Scope},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Rows in one transaction; the store takes a hundred.
const ROWS_AT_ONCE: usize = 64;

/// Which vault.
pub struct PurgeVault {
    /// The name that it had.
    pub name: String,
    /// Only if its time has come, as the daemon itself does it.
    pub only_when_due: bool,
}

impl Operation for PurgeVault {
    const NAME: &'static str = "vault.purge";
    const PERMISSION: Permission = Permission::PurgeVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::DeletedVault(self.name.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let id = grant.vault()?.id;
        if !destroy_kek(&rooms.keys, id, grant.operation().only_when_due)? {
            return Ok(());
        }
        if let Err(error) = RemovePurgedVault::remove(&rooms.keys, id) {
            // Nothing of it can be opened any more, which is what was asked for. The rows go when the store takes writes again.
            tracing::warn!(vault = %id, %error, "the rows of a purged vault could not be removed yet");
        }
        Ok(())
    }
}

/// When a deleted vault is purged by itself.
pub fn purge_time(record: &VaultRecord) -> Option<i64> {
    let retention = SECONDS_PER_DAY * i64::from(record.soft_delete_retention_days);
    record.deleted.map(|deleted| record.scheduled_purge.unwrap_or(deleted + retention))
}

/// What the daemon has to purge, and what it began to purge before it was stopped.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let job = |vault: &Vault| {
        if vault.record.purged {
            return Some(Job::new(&vault.id.to_string(), RemovePurgedVault(vault.id)));
        }
        let name = vault.record.name.clone();
        let is_due = purge_time(&vault.record).is_some_and(|time| time <= now);
        is_due.then(|| Job::new(&vault.id.to_string(), PurgeVault { name, only_when_due: true }))
    };
    view.every_vault().filter_map(job).collect()
}

/// The one step that cannot be undone. `false` when it is not due after all. What roles said of this vault goes first: another vault may
/// get its name at once, and must not inherit who may use it.
fn destroy_kek(keys: &Keys, id: Id, only_when_due: bool) -> Result<bool> {
    let versions = loop {
        let done = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.every_vault().find(|vault| vault.id == id && !vault.record.purged);
            let vault = vault.filter(|vault| vault.record.deleted.is_some());
            let vault = vault.ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let is_due = purge_time(&vault.record).is_some_and(|time| time <= clock::now_seconds());
            match is_due {
                false if only_when_due => return Ok((vec![], Some(None))),
                false if vault.record.purge_protection => return Err(purge_protected(&vault.record)),
                _ => {}
            }
            let mut entries = assignments_in(&view, &vault.record);
            if entries.len() > ROWS_AT_ONCE {
                entries.truncate(ROWS_AT_ONCE);
                return Ok((entries, None));
            }
            let versions = versions_of(vault);
            entries.push(Entry::put(row::vault(id), &tombstone(&vault.record)));
            entries.push(Entry::delete(row::kek(id)));
            Ok((entries, Some(Some(versions))))
        })?;
        if let Some(done) = done {
            break done;
        }
    };
    let Some(versions) = versions else { return Ok(false) };
    keys.forget_all(versions);
    Ok(true)
}

fn purge_protected(record: &VaultRecord) -> Error {
    let detail = format!("the vault '{}' has purge protection and is kept until its scheduled purge", record.name);
    Error::new(ErrorCode::PurgeProtected, detail)
}

/// What stays of a purged vault until its rows are gone.
fn tombstone(record: &VaultRecord) -> VaultRecord {
    VaultRecord {
        id: record.id.clone(),
        name: record.name.clone(),
        slot_id: record.slot_id,
        created: record.created,
        deleted: record.deleted,
        purged: true,
        ..VaultRecord::default()
    }
}

/// The rows of role assignments in a vault.
fn assignments_in(view: &View, record: &VaultRecord) -> Vec<Entry> {
    let group = Some(record.resource_group.to_ascii_lowercase()).filter(|group| !group.is_empty());
    let vault = Scope { group, vault: Some(record.name.to_ascii_lowercase()), object: None };
    remove_assignments(view, |scope| vault.covers(&scope.address()))
}

/// Removes the role assignments at some scopes.
pub fn remove_assignments(view: &View, at: impl Fn(&Scope) -> bool) -> Vec<Entry> {
    let subscription = subscription_id(view.cluster);
    let assigned = view.directory.assignments.iter();
    let found = assigned.filter(|(_, record)| Scope::parse(&record.scope, subscription).is_ok_and(|scope| at(&scope)));
    found.map(|(id, _)| Entry::delete(row::assignment(*id))).collect()
}
