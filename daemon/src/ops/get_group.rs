//! Shows a resource group.

use std::sync::Arc;

use super::{Audited, Operation, create_vault::no_group};
use crate::{
    error::Result,
    keys::{catalog::Version, record::GroupRecord},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Which group.
pub struct GetGroup(pub String);

impl Operation for GetGroup {
    const NAME: &'static str = "group.get";
    const PERMISSION: Permission = Permission::ReadGroup;
    const AUDITED: Audited = Audited::Read;
    type Reply = Arc<GroupRecord>;

    fn place(&self) -> Place {
        Place::Group(self.0.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let name = &grant.operation().0;
        let view = rooms.keys.catalog.view();
        view.directory.groups.get(&name.to_ascii_lowercase()).cloned().ok_or_else(|| no_group(name))
    }
}
