//! Checks a PIN and answers with a login token. Wrong ones are counted per vault and peer, in the store, so that a restart forgets none.

use std::time::Duration;

use softkeep_proto::limits::MAX_PIN_FAILURES;
use zeroize::Zeroizing;

use super::{Audited, Operation};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{self, Login as LoginClaim, UserType},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{PinFailureRecord, row},
    },
    pins,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A PIN to be checked.
pub struct Login {
    /// The vault.
    pub vault: Id,
    /// As whom.
    pub user_type: UserType,
    /// With what.
    pub pin: Zeroizing<Vec<u8>>,
}

impl Operation for Login {
    const NAME: &'static str = "login";
    const PERMISSION: Permission = Permission::Login;
    const AUDITED: Audited = Audited::Login;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.user_type.name().to_owned()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let Login { vault, user_type, .. } = *grant.operation();
        let epoch = check(&grant, rooms, user_type, &grant.operation().pin)?;
        let peer = grant.caller().peer().ok_or_else(|| Error::internal("the daemon does not log in"))?;
        let login = LoginClaim { vault, user_type, epoch, id: Id::random()?, application: Id::default() };
        Ok(identity::issue_login_token(rooms.keys.root.login(), &login, peer))
    }
}

/// The delay after the first wrong PIN; it doubles with each further one.
const FIRST_DELAY_MS: u64 = 25;
/// Longer would only annoy who mistypes: the lock at [`MAX_PIN_FAILURES`] is what stops guessing.
const MAX_DELAY_MS: u64 = 400;

/// Checks a PIN for an operation's caller, counting, and gives the PIN's epoch.
pub fn check<O>(grant: &Authorized<O>, rooms: &Unsealed, user_type: UserType, pin: &[u8]) -> Result<u64> {
    let vault = grant.vault()?;
    let peer = grant.caller().peer().map(identity::Peer::name).unwrap_or_default();
    let place = (user_type.name().to_owned(), peer.clone());
    let failures = || {
        rooms.keys.catalog.view().vault(vault.id).and_then(|vault| vault.pin_failures.get(&place).copied()).unwrap_or(0)
    };
    let attempt = rooms.attempts.begin(vault.id, user_type, &peer, failures)?;
    let stored = match user_type {
        UserType::User => &vault.record.user_pin,
        UserType::SecurityOfficer => &vault.record.so_pin,
    };
    let stored = stored.as_ref().ok_or_else(|| Error::new(ErrorCode::PinNotSet, "this vault has no such PIN yet"))?;
    let right = pins::is_right(pin, stored, rooms.keys.root.pin_pepper())?;
    let failure_row = row::pin(vault.id, user_type.name(), &peer);
    if right {
        if failures() > 0 {
            rooms.keys.write(|_| Ok((vec![Entry::delete(failure_row)], ())))?;
        }
        return Ok(stored.epoch);
    }
    let count = rooms.keys.write(|_| {
        let count = failures() + 1;
        let record = PinFailureRecord { peer, user_type: user_type.name().into(), count };
        Ok((vec![Entry::put(failure_row, &record)], count))
    })?;
    drop(attempt);
    if count >= MAX_PIN_FAILURES {
        return Err(Error::new(
            ErrorCode::PinLocked,
            "the PIN is wrong, and this was the last attempt: softkeep token unlock",
        ));
    }
    let answer_after = Duration::from_millis((FIRST_DELAY_MS << (count - 1).min(8)).min(MAX_DELAY_MS));
    Err(Error { answer_after, ..Error::new(ErrorCode::PinIncorrect, "the PIN is wrong") })
}
