//! Soft-deletes a vault with everything in it: its name stays taken and its token disappears. What is in it stays as it was.

use std::sync::Arc;

use super::{Audited, Operation, vault_settings::VaultChange};
use crate::{
    clock,
    error::{Error, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        ledger::Entry,
        record::{VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Which vault.
pub struct DeleteVault(pub VaultName);

impl Operation for DeleteVault {
    const NAME: &'static str = "vault.delete";
    const PERMISSION: Permission = Permission::DeleteVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.0.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let id = grant.vault()?.id;
        let by = VaultChange::by(grant.caller());
        let keys = &rooms.keys;
        let (deleted, versions) = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let record = deleted(&vault.record, &by);
            let deleted = VaultRef { id, record: Arc::new(record) };
            Ok((vec![Entry::put(row::vault(id), &*deleted.record)], (deleted, versions_of(vault))))
        })?;
        keys.forget_all(versions);
        Ok(deleted)
    }
}

/// The record of a vault that is deleted now.
pub fn deleted(record: &VaultRecord, by: &VaultChange) -> VaultRecord {
    let now = clock::now_seconds();
    let purge = now + SECONDS_PER_DAY * i64::from(record.soft_delete_retention_days);
    by.stamp(VaultRecord { deleted: Some(now), scheduled_purge: Some(purge), ..record.clone() })
}

/// Every version of every key in a vault: what may be open.
pub fn versions_of(vault: &Vault) -> Vec<Id> {
    vault.keys.values().flat_map(|key| &key.versions).map(|version| version.id).collect()
}
