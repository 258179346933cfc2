//! Lists the vaults that the caller may see.

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultRef},
    workers::Lane,
};

/// All of them, in creation order.
pub struct ListVaults;

impl Operation for ListVaults {
    const NAME: &'static str = "vault.list";
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<VaultRef>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let view = rooms.keys.catalog.view();
        let seen = view.vaults().into_iter().filter(|vault| rooms.policy.may_see(&view, grant.caller(), vault));
        Ok(seen.map(|vault| VaultRef { id: vault.id, record: vault.record.clone() }).collect())
    }
}
