//! Forgets wrong PINs, so that a locked peer may try again.

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    keys::{catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

/// Which vault, which peer.
pub struct UnlockToken {
    /// The vault.
    pub vault: VaultName,
    /// `uid:1000`, `certificate:web`; `None` for all.
    pub peer: Option<String>,
}

impl Operation for UnlockToken {
    const NAME: &'static str = "token.unlock";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), self.peer.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let vault = grant.vault()?;
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let found = view.vault(vault.id).ok_or_else(|| Error::vault_not_found(&vault.record.name))?;
            let meant = found
                .pin_failures
                .keys()
                .filter(|(_, peer)| grant.operation().peer.as_ref().is_none_or(|wanted| wanted == peer));
            Ok((meant.map(|(kind, peer)| Entry::delete(row::pin(vault.id, kind, peer))).collect(), ()))
        })?;
        Ok(vault.clone())
    }
}
