//! Brings a key back from its backup, with all versions and under its old name, into the vault that it was taken in or into another one
//! of this daemon.

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names,
    new_version::check_sku,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        backup::OpenBackup,
        catalog::{Vault, Version},
        ledger::{Counters, Entry},
        record::{KeyPolicy, KeyRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to restore, and where to.
pub struct RestoreKey {
    vault: VaultName,
    backup: Vec<u8>,
}

impl RestoreKey {
    /// Checks what can be checked before it is opened.
    pub fn parse(vault: VaultName, backup: Vec<u8>) -> Result<Self> {
        if backup.is_empty() {
            return Err(Error::new(ErrorCode::BackupInvalid, "the backup is empty"));
        }
        Ok(Self { vault, backup })
    }
}

/// Two rows each; the store takes a hundred at once.
const VERSIONS_AT_ONCE: usize = 45;

/// A restoration that did not come to its end is purged after so long. Until then it looks like a deleted key without a current version,
/// which nobody can use, see or recover.
const UNFINISHED_SECONDS: i64 = 600;

impl Operation for RestoreKey {
    const NAME: &'static str = "key.restore";
    const PERMISSION: Permission = Permission::Restore;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let (id, keys) = (grant.vault()?.id, &rooms.keys);
        let backup = keys.open_key_backup(&grant.operation().backup)?;
        let mut records: Vec<_> = backup.records().cloned().collect();
        // The current version last: the key is whole when it is there.
        records.sort_by_key(|record| (record.id == backup.key.current, record.ordinal));
        let batches: Vec<_> = records.chunks(VERSIONS_AT_ONCE).collect();
        for (number, batch) in batches.iter().enumerate() {
            let step = Step { first: number == 0, last: number + 1 == batches.len() };
            keys.write(|counters| {
                let view = keys.catalog.view();
                let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
                Ok((rows(keys, vault, counters, &backup, batch, step)?, ()))
            })?;
        }
        GetKey::show(rooms, id, Id::from_bytes(&backup.key.current)?)
    }
}

#[derive(Clone, Copy)]
struct Step {
    first: bool,
    last: bool,
}

fn rows(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    backup: &OpenBackup,
    batch: &[VersionRecord],
    step: Step,
) -> Result<Vec<Entry>> {
    let name = backup.key.name.to_ascii_lowercase();
    if step.first {
        check_free(vault, backup)?;
    }
    let unfinished = (!step.last).then(clock::now_seconds);
    let key = KeyRecord {
        deleted: unfinished,
        scheduled_purge: unfinished.map(|now| now + UNFINISHED_SECONDS),
        ..backup.key.clone()
    };
    let mut entries = vec![Entry::put(row::key(vault.id, &name), &key)];
    let rules = Rules::of(&vault.record)?;
    rules.check_origin(backup.rules)?;
    for record in batch {
        let mut record = record.clone();
        check_sku(&vault.record, record.hsm)?;
        let policy = record.policy.take().ok_or_else(|| Error::internal("a version without a policy"))?;
        let policy = restored(keys, vault, policy);
        rules.check_key(&policy)?;
        entries.push(keys.seal_restored(vault, backup, &policy)?);
        record.policy = Some(policy);
        record.key.clone_from(&name);
        record.ordinal = counters.take_ordinal();
        // What the request was that made it is over.
        record.request_id.clear();
        let id = Id::from_bytes(&record.id)?;
        // What could not be read again must not be written.
        Version::parse(vault.id, record.clone(), None)?;
        entries.push(Entry::put(row::version(vault.id, id), &record));
    }
    Ok(entries)
}

/// Refuses a backup whose name or whose versions are there.
fn check_free(vault: &Vault, backup: &OpenBackup) -> Result<()> {
    let name = &backup.key.name;
    names::check_key_name(name)?;
    if vault.key(name).is_some() {
        return Err(Error::new(ErrorCode::AlreadyExists, format!("there is a key '{name}'")));
    }
    if vault.is_name_damaged(name) {
        let detail = format!("the record of the key '{name}' is damaged; its name is not free");
        return Err(Error::new(ErrorCode::RecordDamaged, detail));
    }
    if vault.is_name_taken(name) {
        let detail = format!("the key '{name}' is deleted but recoverable; its name is not free");
        return Err(Error::new(ErrorCode::NameDeleted, detail));
    }
    let there = |record: &VersionRecord| Id::from_bytes(&record.id).is_ok_and(|id| vault.has_version(id));
    if backup.records().any(there) {
        return Err(Error::new(ErrorCode::AlreadyExists, "a version of the backup is there already"));
    }
    Ok(())
}

/// The policy where it is now. A security officer's trust does not come along: it may have been withdrawn since, or be another vault's.
pub fn restored(keys: &Keys, vault: &Vault, policy: KeyPolicy) -> KeyPolicy {
    let mut policy = KeyPolicy {
        cluster: keys.cluster.0.to_vec(),
        vault: vault.id.0.to_vec(),
        kek_version: vault.record.kek_version,
        trusted: false,
        copied: true,
        ..policy
    };
    if let Some(public) = &mut policy.public {
        public.trusted = false;
    }
    policy
}
