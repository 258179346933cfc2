//! Checks the whole audit log: the chain, the checkpoints' signatures, and the anchor in the store.

use super::{Audited, Operation};
use crate::{
    audit::{self, verify::Report},
    error::Result,
    keys::catalog::Version,
    pipeline::{self, Unsealed},
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// All of it.
pub struct VerifyAudit;

impl Operation for VerifyAudit {
    const NAME: &'static str = "audit.verify";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Read;
    type Reply = Report;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(_: Authorized<Self>, rooms: &Unsealed) -> Result<Report> {
        rooms.audit.log().flush()?;
        let anchor = rooms.keys.catalog.view().anchor().and_then(audit::read_anchor);
        let public_key = pipeline::audit_public_key(&rooms.keys.root)?;
        audit::verify::verify(&rooms.audit_dir, &public_key, anchor)
    }
}
