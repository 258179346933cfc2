//! Shows the current version of a deleted key that can still be recovered.

use super::{Audited, Operation, get_key::KeyView};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key.
pub struct GetDeletedKey {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub name: String,
}

impl Operation for GetDeletedKey {
    const NAME: &'static str = "key.get-deleted";
    const PERMISSION: Permission = Permission::Get;
    const AUDITED: Audited = Audited::Read;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let (id, name) = (grant.vault()?.id, &grant.operation().name);
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let key = vault.deleted_key(name).ok_or_else(|| Error::deleted_key_not_found(name))?;
        let version = key.current().ok_or_else(|| Error::deleted_key_not_found(name))?;
        Ok(KeyView { vault: vault.record.clone(), key: key.record.clone(), version: version.clone() })
    }
}
