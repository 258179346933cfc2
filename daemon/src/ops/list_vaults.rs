//! Lists the vaults that the caller may see.

use super::{Audited, Operation, get_vault::VaultView};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// All of them, or those of one group, in creation order.
pub struct ListVaults {
    /// Empty for every group. One that is not there has no vaults.
    pub group: String,
}

impl Operation for ListVaults {
    const NAME: &'static str = "vault.list";
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<VaultView>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let view = rooms.keys.catalog.view();
        let (caller, group) = (grant.caller(), &grant.operation().group);
        let seen = view.vaults().into_iter().filter(|vault| {
            let wanted = group.is_empty() || vault.record.resource_group.eq_ignore_ascii_case(group);
            wanted && rooms.policy.may_see(&view, caller, vault)
        });
        Ok(seen.map(|vault| VaultView::of(&rooms.policy, &view, caller, vault)).collect())
    }
}
