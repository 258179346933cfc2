//! Shows a vault.

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

/// Which vault.
pub struct GetVault(pub VaultName);

impl Operation for GetVault {
    const NAME: &'static str = "vault.get";
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.0.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, _: &Unsealed) -> Result<VaultRef> {
        grant.vault().cloned()
    }
}
