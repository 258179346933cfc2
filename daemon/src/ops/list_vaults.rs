//! Lists the vaults that the caller may see.

use super::{Audited, Operation, create_vault::no_group, get_vault::VaultView};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target},
    workers::Lane,
};

/// All of them, or those of one group, in creation order.
pub struct ListVaults {
    /// Empty for every group.
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
        let is_there = group.is_empty() || view.directory.groups.contains_key(&group.to_ascii_lowercase());
        // Who may not know which groups there are sees an empty list either way.
        if !is_there && rooms.policy.allows(&view, caller, Target::Group(group), Permission::ReadGroup) {
            return Err(no_group(group));
        }
        let seen = view.vaults().into_iter().filter(|vault| {
            let wanted = group.is_empty() || vault.record.resource_group.eq_ignore_ascii_case(group);
            wanted && rooms.policy.may_see(&view, caller, vault)
        });
        Ok(seen.map(|vault| VaultView::of(&rooms.policy, &view, caller, vault)).collect())
    }
}
