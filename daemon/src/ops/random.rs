//! Random bytes from the operating system.

use softkeep_proto::limits::MAX_RANDOM_BYTES;

use super::{Audited, Operation};
use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// How many.
pub struct Random(usize);

impl Random {
    /// 1 to [`MAX_RANDOM_BYTES`].
    pub fn parse(count_bytes: u32) -> Result<Self> {
        let count = count_bytes as usize;
        if (1..=MAX_RANDOM_BYTES).contains(&count) {
            return Ok(Self(count));
        }
        Err(Error::new(ErrorCode::InvalidArgument, format!("1 to {MAX_RANDOM_BYTES} bytes")))
    }
}

impl Operation for Random {
    const NAME: &'static str = "random";
    // Nothing of any vault is in it: whoever may list may have it.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, _: &Unsealed) -> Result<Vec<u8>> {
        let mut random = vec![0; grant.operation().0];
        crypto::fill_random(&mut random)?;
        Ok(random)
    }
}
