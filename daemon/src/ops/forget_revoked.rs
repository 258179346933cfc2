//! Forgets tokens that were made worthless and would have ended by now.

use super::{Audited, Operation};
use crate::{
    clock,
    error::Result,
    id::Id,
    jobs::Job,
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::row,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Rows in one transaction.
const ROWS_AT_ONCE: usize = 64;
/// Tidying need not be prompt; waiting for this much of it keeps the audit log short.
const LATE_SECONDS: i64 = 3600;

/// All that are over.
pub struct ForgetRevoked;

impl Operation for ForgetRevoked {
    const NAME: &'static str = "sign-out.forget";
    /// The daemon itself does it.
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(_: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let over = over(&rooms.keys.catalog.view(), clock::now_seconds());
        for some in over.chunks(ROWS_AT_ONCE) {
            rooms.keys.write(|_| Ok((some.iter().map(|id| Entry::delete(row::revoked(*id))).collect(), ())))?;
        }
        Ok(())
    }
}

fn over(view: &View, now: i64) -> Vec<Id> {
    view.directory.revoked.iter().filter(|(_, expires)| **expires < now).map(|(id, _)| *id).collect()
}

/// Whether there are any, for the daemon's jobs.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    if over(view, now - LATE_SECONDS).is_empty() { Vec::new() } else { vec![Job::new("", ForgetRevoked)] }
}
