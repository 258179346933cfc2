//! Leave to seal the daemon; the pipeline does the sealing once this is on record.

use super::{Audited, Operation};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// The whole daemon.
pub struct Seal;

impl Operation for Seal {
    const NAME: &'static str = "daemon.seal";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(_: Authorized<Self>, _: &Unsealed) -> Result<()> {
        Ok(())
    }
}
