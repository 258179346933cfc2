//! Reads the newest lines of the audit log, and a channel for those to come.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::{Audited, Operation};
use crate::{
    audit::log::MAX_TAIL_LINES,
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// How many lines.
pub struct TailAudit(usize);

impl TailAudit {
    /// At most [`MAX_TAIL_LINES`].
    pub fn parse(lines: u32) -> Result<Self> {
        match lines as usize {
            lines if lines <= MAX_TAIL_LINES => Ok(Self(lines)),
            _ => Err(Error::new(ErrorCode::InvalidArgument, format!("at most {MAX_TAIL_LINES} lines"))),
        }
    }
}

impl Operation for TailAudit {
    const NAME: &'static str = "audit.tail";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Read;
    type Reply = (Vec<String>, broadcast::Receiver<Arc<str>>);

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let log = rooms.audit.log();
        // What was used a moment ago is among the lines.
        log.flush()?;
        let next = log.subscribe();
        Ok((log.tail(grant.operation().0)?, next))
    }
}
