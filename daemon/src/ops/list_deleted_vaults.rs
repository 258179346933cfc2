//! Lists the deleted vaults that the caller may see and somebody may recover.

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::catalog::{Vault, Version},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target, Thing, VaultRef},
    workers::Lane,
};

/// All of them, or those of one group, by name.
pub struct ListDeletedVaults {
    /// Empty for every group.
    pub group: String,
}

impl Operation for ListDeletedVaults {
    const NAME: &'static str = "vault.list-deleted";
    /// Anybody may ask; what they see is decided vault by vault.
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
        let may_read = |vault: &Vault| {
            rooms.policy.allows(&view, grant.caller(), Target::Vault(vault, Thing::None), Permission::ReadVault)
        };
        let group = &grant.operation().group;
        let seen = view.deleted_vaults().into_iter().filter(|vault| {
            let wanted = group.is_empty() || vault.record.resource_group.eq_ignore_ascii_case(group);
            wanted && may_read(vault)
        });
        Ok(seen.map(|vault| VaultRef { id: vault.id, record: vault.record.clone() }).collect())
    }
}
