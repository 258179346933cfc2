//! Shows a deleted vault that can be recovered.

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultRef},
    workers::Lane,
};

/// Which vault, by the name it has kept.
pub struct GetDeletedVault(pub String);

impl Operation for GetDeletedVault {
    const NAME: &'static str = "vault.get-deleted";
    const PERMISSION: Permission = Permission::ReadVault;
    const AUDITED: Audited = Audited::Read;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::DeletedVault(self.0.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, _: &Unsealed) -> Result<VaultRef> {
        grant.vault().cloned()
    }
}
