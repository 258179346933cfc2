//! Forgets wrong PINs, so that a locked peer may try again.

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    id::Id,
    keys::{catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    store::MAX_TRANSACTION_OPS,
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
        let wanted = grant.operation().peer.as_ref();
        forget_failures(rooms, vault.id, |_, peer| wanted.is_none_or(|wanted| wanted == peer))?;
        Ok(vault.clone())
    }
}

/// Rows forgotten in one transaction, whose size the store bounds.
const ROWS_AT_ONCE: usize = MAX_TRANSACTION_OPS / 2;

/// Forgets the wrong PINs that are meant, by kind of user and peer.
pub fn forget_failures(rooms: &Unsealed, id: Id, meant: impl Fn(&str, &str) -> bool) -> Result<()> {
    let keys = &rooms.keys;
    loop {
        let forgotten = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let meant = vault.pin_failures.keys().filter(|(kind, peer)| meant(kind, peer)).take(ROWS_AT_ONCE);
            let entries: Vec<_> = meant.map(|(kind, peer)| Entry::delete(row::pin(id, kind, peer))).collect();
            let count = entries.len();
            Ok((entries, count))
        })?;
        if forgotten < ROWS_AT_ONCE {
            return Ok(());
        }
    }
}
