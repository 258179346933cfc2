//! Tells a caller who they are.

use super::{Audited, Operation, get_principal::PrincipalView};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// Who asks.
pub struct WhoAmI;

impl Operation for WhoAmI {
    const NAME: &'static str = "who-am-i";
    /// Everybody may.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let view = rooms.keys.catalog.view();
        let who = Who::of(&view, grant.caller()).ok_or_else(|| Error::internal("the daemon does not ask"))?;
        PrincipalView::of(rooms, &view, who)
    }
}
