//! Soft-deletes a vault with everything in it: its name stays taken and its token disappears.

use std::sync::Arc;

use super::{Audited, Operation};
use crate::{
    clock,
    error::{Error, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

/// Which vault.
pub struct DeleteVault(pub VaultName);

impl Operation for DeleteVault {
    const NAME: &'static str = "vault.delete";
    const PERMISSION: Permission = Permission::Administer;
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
        let keys = &rooms.keys;
        let (deleted, versions) = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let versions: Vec<_> =
                vault.keys.values().flat_map(|key| &key.versions).map(|version| version.id).collect();
            let now = clock::now_seconds();
            let record = VaultRecord { deleted: Some(now), updated: now, ..(*vault.record).clone() };
            let deleted = VaultRef { id, record: Arc::new(record) };
            Ok((vec![Entry::put(row::vault(id), &*deleted.record)], (deleted, versions)))
        })?;
        versions.into_iter().for_each(|version| keys.forget(version));
        Ok(deleted)
    }
}
