//! Shows whom the certificates of a vault concern.

use std::sync::Arc;

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    keys::{catalog::Version, record::VaultRecord},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which vault.
pub struct GetContacts {
    /// The vault.
    pub vault: VaultName,
}

impl Operation for GetContacts {
    const NAME: &'static str = "certificate.get-contacts";
    const PERMISSION: Permission = Permission::ManageContacts;
    const AUDITED: Audited = Audited::Read;
    type Reply = Arc<VaultRecord>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Arc<VaultRecord>> {
        let id = grant.vault()?.id;
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        Ok(vault.record.clone())
    }
}
