//! Makes tokens worthless: those of one sign-in, or all of a principal's.

use super::{Audited, Operation, principal_change};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    identity::{Caller, token::REFRESH_TOKEN_SECONDS},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{RevokedRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// Whose tokens.
pub enum SignOut {
    /// Those of the sign-in that the caller's token is from.
    This,
    /// All of the caller's.
    All,
    /// All of somebody else's.
    Principal(String),
}

impl Operation for SignOut {
    const NAME: &'static str = "sign-out";
    /// For oneself.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        match self {
            SignOut::Principal(name) => Place::Principal(name.clone()),
            SignOut::This | SignOut::All => Place::Daemon,
        }
    }

    fn permission(&self) -> Permission {
        match self {
            SignOut::Principal(_) => Permission::WritePrincipals,
            SignOut::This | SignOut::All => Self::PERMISSION,
        }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let not_signed_in = || Error::new(ErrorCode::InvalidArgument, "the caller is not signed in with a token");
        let who = match grant.caller() {
            Caller::Principal(who, _) => Some(who.clone()),
            _ => None,
        };
        match grant.into_operation() {
            SignOut::Principal(name) => principal_change::write(rooms, &name, |record| {
                record.epoch += 1;
                Ok(())
            })
            .map(|_| ()),
            SignOut::All => {
                let who = who.ok_or_else(not_signed_in)?;
                principal_change::write(rooms, &who.object_id.to_string(), |record| {
                    record.epoch += 1;
                    Ok(())
                })
                .map(|_| ())
            }
            SignOut::This => {
                let session = who.ok_or_else(not_signed_in)?.session;
                // No token of this sign-in lives longer.
                let expires = clock::now_seconds() + REFRESH_TOKEN_SECONDS;
                let record = RevokedRecord { token: session.0.to_vec(), expires };
                rooms.keys.write(|_| Ok((vec![Entry::put(row::revoked(session), &record)], ())))
            }
        }
    }
}
