//! Soft-deletes a key with all its versions: refused everywhere from now on, its name taken until it is recovered or purged.

use std::sync::Arc;

use super::{Audited, Operation, get_key::KeyView, new_version};
use crate::{
    clock,
    error::{Error, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{KeyRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Which key.
pub struct DeleteKey {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub name: String,
}

impl Operation for DeleteKey {
    const NAME: &'static str = "key.delete";
    const PERMISSION: Permission = Permission::Delete;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let id = grant.vault()?.id;
        let name = &grant.operation().name;
        let keys = &rooms.keys;
        let (shown, versions) = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let key = vault.key(name).ok_or_else(|| Error::key_not_found(name))?;
            new_version::check_not_managed(&key.record)?;
            let version = key.current().cloned().ok_or_else(|| Error::key_not_found(name))?;
            let now = clock::now_seconds();
            let purge = now + SECONDS_PER_DAY * i64::from(vault.record.soft_delete_retention_days);
            let record = KeyRecord { deleted: Some(now), scheduled_purge: Some(purge), ..(*key.record).clone() };
            let entry = Entry::put(row::key(id, &name.to_ascii_lowercase()), &record);
            let shown = KeyView { vault: vault.record.clone(), key: Arc::new(record), version };
            Ok((vec![entry], (shown, key.versions.iter().map(|version| version.id).collect::<Vec<_>>())))
        })?;
        versions.into_iter().for_each(|version| keys.forget(version));
        Ok(shown)
    }
}
