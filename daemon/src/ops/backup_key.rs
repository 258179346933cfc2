//! Takes a sealed backup of a key with all its versions and attributes.

use super::{Audited, Operation, new_version};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, KeyBackup, Permission, Place, VaultName},
    workers::Lane,
};

/// Of which key.
pub struct BackupKey {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub name: String,
}

impl Operation for BackupKey {
    const NAME: &'static str = "key.backup";
    const PERMISSION: Permission = Permission::Backup;
    const AUDITED: Audited = Audited::Administration;
    /// The backup.
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let (vault, name) = (grant.vault()?.id, &grant.operation().name);
        {
            let view = rooms.keys.catalog.view();
            let key = view.vault(vault).and_then(|vault| vault.key(name)).ok_or_else(|| Error::key_not_found(name))?;
            // A certificate's backup has its key.
            new_version::check_not_managed(&key.record)?;
        }
        rooms.keys.backup_key(&grant)
    }
}

impl KeyBackup for BackupKey {
    fn key_name(&self) -> &str {
        &self.name
    }
}
