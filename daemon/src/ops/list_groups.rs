//! Lists the resource groups that the caller may see.

use std::sync::Arc;

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::{catalog::Version, record::GroupRecord},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target},
    workers::Lane,
};

/// All of them, by name.
pub struct ListGroups;

impl Operation for ListGroups {
    const NAME: &'static str = "group.list";
    /// Anybody may ask; what they see is decided group by group.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<Arc<GroupRecord>>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let view = rooms.keys.catalog.view();
        let may_read = |group: &GroupRecord| {
            rooms.policy.allows(&view, grant.caller(), Target::Group(&group.name), Permission::ReadGroup)
        };
        Ok(view.directory.groups.values().filter(|group| may_read(group)).cloned().collect())
    }
}
