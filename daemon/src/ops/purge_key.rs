//! Destroys a deleted key for good: all its versions and their sealed secrets. Its name is free afterwards. Somebody asks for it, or the
//! time has come that was set when the key was deleted.

use std::sync::Arc;

use super::{Audited, Operation, new_version};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    jobs::Job,
    keys::{
        catalog::{Key, Vault, Version, View},
        ledger::Entry,
        record::{KeyRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key.
pub struct PurgeKey {
    vault: VaultName,
    name: String,
    /// Because its time has come, which purge protection does not stop.
    scheduled: bool,
}

impl PurgeKey {
    /// By a caller's wish.
    pub fn now(vault: VaultName, name: String) -> Self {
        Self { vault, name, scheduled: false }
    }
}

/// The deleted keys whose time has come. Those of certificates go with them.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, _) in vault.keys.iter().filter(|(_, key)| !key.record.managed && is_due(&key.record, now)) {
            let purge = PurgeKey { vault: VaultName::Id(vault.id), name: name.clone(), scheduled: true };
            jobs.push(Job::new(&format!("{}/{name}", vault.id), purge));
        }
    }
    jobs
}

fn is_due(key: &KeyRecord, now: i64) -> bool {
    key.deleted.is_some() && key.scheduled_purge.is_some_and(|time| time <= now)
}

/// Two rows each; the store takes a hundred at once.
const VERSIONS_AT_ONCE: usize = 45;

impl Operation for PurgeKey {
    const NAME: &'static str = "key.purge";
    const PERMISSION: Permission = Permission::Purge;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        let mut begun = None;
        loop {
            let gone = keys.write(|_| {
                let view = keys.catalog.view();
                let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
                let key = find(vault, &operation.name, begun.as_ref())?;
                if begun.is_none() {
                    operation.check(&vault.record, key)?;
                }
                begun = Some(key.record.clone());
                Ok(some_rows(vault, key))
            })?;
            if gone.is_empty() {
                break;
            }
            gone.into_iter().for_each(|version| keys.forget(version));
        }
        keys.scrub()?;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            find(vault, &operation.name, begun.as_ref())?;
            Ok((vec![Entry::delete(row::key(id, &operation.name.to_ascii_lowercase()))], ()))
        })
    }
}

impl PurgeKey {
    fn check(&self, vault: &VaultRecord, key: &Key) -> Result<()> {
        new_version::check_not_managed(&key.record)?;
        if self.scheduled && !is_due(&key.record, clock::now_seconds()) {
            return Err(Error::new(ErrorCode::Conflict, "the key is not to be purged any more"));
        }
        if !self.scheduled && vault.purge_protection {
            let refusal =
                format!("the vault '{}' has purge protection: a deleted key stays until its time", vault.name);
            return Err(Error::new(ErrorCode::PurgeProtected, refusal));
        }
        Ok(())
    }
}

/// The deleted key; once its purge has begun, only the very same one.
fn find<'a>(vault: &'a Vault, name: &str, begun: Option<&Arc<KeyRecord>>) -> Result<&'a Key> {
    let same = |key: &&Key| begun.is_none_or(|begun| begun.created == key.record.created);
    vault.deleted_key(name).filter(same).ok_or_else(|| Error::deleted_key_not_found(name))
}

/// Rows to delete, and whose they are; the current version's first, since without it nobody recovers or sees the rest. If the daemon ends
/// in between, the rest is due when it is back. The key's own row goes when its versions' are gone from the disk.
fn some_rows(vault: &Vault, key: &Key) -> (Vec<Entry>, Vec<Id>) {
    let mut versions: Vec<_> = key.versions.iter().map(|version| version.id).collect();
    versions.sort_by_key(|version| version.0[..] != key.record.current[..]);
    versions.truncate(VERSIONS_AT_ONCE);
    let row_names = versions.iter().flat_map(|id| [row::blob(vault.id, *id), row::version(vault.id, *id)]);
    let mut entries: Vec<_> = row_names.map(Entry::delete).collect();
    if !versions.is_empty() {
        let record = KeyRecord { scheduled_purge: Some(0), ..(*key.record).clone() };
        entries.push(Entry::put(row::key(vault.id, &key.record.name.to_ascii_lowercase()), &record));
    }
    (entries, versions)
}
