//! Whether a vault could be made with a name.

use super::{Audited, Operation, names};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Which name.
pub struct CheckVaultName(pub String);

/// What stands against it.
pub enum NameCheck {
    /// Nothing.
    Available,
    /// It is no legal name.
    Invalid(Error),
    /// A vault has it, perhaps a deleted one.
    Taken(Error),
}

impl Operation for CheckVaultName {
    const NAME: &'static str = "vault.check-name";
    const PERMISSION: Permission = Permission::ReadVault;
    const AUDITED: Audited = Audited::Read;
    type Reply = NameCheck;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<NameCheck> {
        let name = &grant.operation().0;
        if let Err(error) = names::check_vault_name(name) {
            return Ok(NameCheck::Invalid(error));
        }
        Ok(match super::create_vault::check_free(&rooms.keys.catalog.view(), name) {
            Ok(()) => NameCheck::Available,
            Err(error) => NameCheck::Taken(error),
        })
    }
}
