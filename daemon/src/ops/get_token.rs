//! Shows a vault as a PKCS#11 token, with the wrong PINs on record.

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

/// Which vault.
pub struct GetToken(pub VaultName);

/// The token.
pub struct TokenView {
    /// Its vault.
    pub vault: VaultRef,
    /// Wrong PINs by (user type, peer).
    pub failures: Vec<((String, String), u32)>,
}

impl GetToken {
    /// The view of a vault that is known to be there.
    pub fn show(rooms: &Unsealed, vault: &VaultRef) -> Result<TokenView> {
        let view = rooms.keys.catalog.view();
        let found = view.vault(vault.id).ok_or_else(|| Error::vault_not_found(&vault.record.name))?;
        let mut failures: Vec<_> = found.pin_failures.iter().map(|(place, count)| (place.clone(), *count)).collect();
        failures.sort();
        Ok(TokenView { vault: VaultRef { id: found.id, record: found.record.clone() }, failures })
    }
}

impl Operation for GetToken {
    const NAME: &'static str = "token.show";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Read;
    type Reply = TokenView;

    fn place(&self) -> Place {
        Place::Vault(self.0.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<TokenView> {
        Self::show(rooms, grant.vault()?)
    }
}
