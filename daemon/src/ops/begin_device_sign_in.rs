//! Begins a sign-in that somebody approves elsewhere (RFC 8628).

use super::{Audited, Operation};
use crate::{
    clock,
    error::Result,
    identity::{Peer, devices::Begun},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// One more code.
pub struct BeginDeviceSignIn;

impl Operation for BeginDeviceSignIn {
    const NAME: &'static str = "sign-in.begin-device";
    /// Everybody may.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Login;
    type Reply = Begun;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Begun> {
        let peer = grant.caller().peer().map(Peer::name).unwrap_or_default();
        rooms.sign_in.devices.begin(&peer, clock::now_seconds())
    }
}
