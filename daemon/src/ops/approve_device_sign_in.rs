//! Approves a device code: whoever waits with it is then signed in as the caller.

use super::{Audited, Operation, get_principal::PrincipalView};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    identity::{Caller, devices::Approval},
    keys::{catalog::Version, record::PrincipalKind},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// What the person typed.
pub struct ApproveDeviceSignIn(pub String);

impl Operation for ApproveDeviceSignIn {
    const NAME: &'static str = "sign-in.approve-device";
    /// For oneself.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Administration;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let users_only = || {
            let error = "only a user who is signed in approves a sign-in: softkeep login --username NAME";
            Error::new(ErrorCode::PermissionDenied, error)
        };
        let Caller::Principal(who, _) = grant.caller() else { return Err(users_only()) };
        let view = rooms.keys.catalog.view();
        let record = view.directory.principals.get(&who.object_id);
        let record = record.filter(|record| record.kind == i32::from(PrincipalKind::User)).ok_or_else(users_only)?;
        let approval = Approval { principal: who.object_id, epoch: who.epoch };
        rooms.sign_in.devices.approve(&grant.operation().0, approval, clock::now_seconds())?;
        PrincipalView::of(rooms, &view, Who::Stored(record.clone()))
    }
}
