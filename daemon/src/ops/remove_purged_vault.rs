//! Removes the rows of a purged vault. Nothing in them can be opened any more; this is tidying, and it goes on where it was broken off.

use super::{Audited, Operation};
use crate::{
    error::Result,
    id::Id,
    keys::{Keys, catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Rows in one transaction; the store takes a hundred.
const ROWS_AT_ONCE: usize = 64;

/// Which vault.
pub struct RemovePurgedVault(pub Id);

impl Operation for RemovePurgedVault {
    const NAME: &'static str = "vault.remove";
    /// The daemon itself does it.
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        Self::remove(&rooms.keys, grant.operation().0)
    }
}

impl RemovePurgedVault {
    /// All of them; the vault's own row goes last, so that until then the vault is known to be unfinished.
    pub fn remove(keys: &Keys, vault: Id) -> Result<()> {
        loop {
            let rows = keys.rows_of_vault(vault);
            if rows.is_empty() {
                break;
            }
            for some in rows.chunks(ROWS_AT_ONCE) {
                keys.write(|_| Ok((some.iter().cloned().map(Entry::delete).collect(), ())))?;
            }
        }
        keys.scrub()?;
        keys.write(|_| {
            let is_there = keys.catalog.view().every_vault().any(|other| other.id == vault);
            Ok((if is_there { vec![Entry::delete(row::vault(vault))] } else { Vec::new() }, ()))
        })
    }
}
