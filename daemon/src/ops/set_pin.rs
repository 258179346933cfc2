//! Sets a PIN: an administrator any, the security officer the user's, each user their own. Logins made with the old one end.

use zeroize::Zeroizing;

use super::{Audited, Operation, login, unlock_token};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{self, Caller, Login, UserType},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{VaultRecord, row},
    },
    pins,
    pipeline::Unsealed,
    policy::{self, Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A new PIN.
pub struct SetPin {
    /// The vault.
    pub vault: VaultName,
    /// Whose.
    pub user_type: UserType,
    /// The old one, when somebody changes their own.
    pub old_pin: Option<Zeroizing<Vec<u8>>>,
    /// The new one.
    pub new_pin: Zeroizing<Vec<u8>>,
}

impl Operation for SetPin {
    const NAME: &'static str = "token.set-pin";
    const PERMISSION: Permission = Permission::ChangePin;
    const AUDITED: Audited = Audited::Administration;
    /// A login token for the new PIN, for callers who are logged in.
    type Reply = Option<Vec<u8>>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.user_type.name().to_owned()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let vault = grant.vault()?;
        let operation = grant.operation();
        pins::check_length(&operation.new_pin, &vault.record)?;
        check_right(&grant, rooms)?;
        let user_type = operation.user_type;
        let epoch = write(&grant, rooms, vault.id, &operation.new_pin)?;
        // Whoever changed the PIN of the user they are logged in as stays logged in.
        let Caller::PinUser(login, peer) = grant.caller() else { return Ok(None) };
        if login.user_type != user_type {
            return Ok(None);
        }
        let login = Login { epoch, ..login.clone() };
        Ok(Some(identity::issue_login_token(rooms.keys.root.login(), &login, peer)))
    }
}

/// A PIN user proves to know the old PIN; the security officer may set the user's without it (C_InitPIN).
fn check_right(grant: &Authorized<SetPin>, rooms: &Unsealed) -> Result<()> {
    let operation = grant.operation();
    let Caller::PinUser(login, _) = grant.caller() else { return Ok(()) };
    match &operation.old_pin {
        Some(old) if login.user_type == operation.user_type => {
            login::check(grant, rooms, operation.user_type, old).map(|_| ())
        }
        None if login.user_type == UserType::SecurityOfficer && operation.user_type == UserType::User => Ok(()),
        _ => Err(Error::new(ErrorCode::PermissionDenied, "the security officer alone sets another's PIN")),
    }
}

fn write(grant: &Authorized<SetPin>, rooms: &Unsealed, id: Id, pin: &[u8]) -> Result<u64> {
    let keys = &rooms.keys;
    let user_type = grant.operation().user_type;
    // Hashed before the lock is taken; the epoch is put in under it.
    let hashed = pins::hash(pin, keys.root.pin_pepper(), 0)?;
    let epoch = keys.write(|_| {
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        if let Caller::PinUser(login, _) = grant.caller() {
            // Somebody may have set the caller's PIN while the new one was hashed, perhaps to be rid of the caller.
            policy::check_epoch(login, vault)?;
        }
        let mut record = VaultRecord { updated: clock::now_seconds(), ..(*vault.record).clone() };
        let (place, before) = match user_type {
            UserType::User => (&mut record.user_pin, record.last_user_epoch),
            UserType::SecurityOfficer => (&mut record.so_pin, 0),
        };
        let epoch = 1 + place.as_ref().map_or(before, |old| old.epoch);
        *place = Some(crate::keys::record::PinRecord { epoch, ..hashed });
        Ok((vec![Entry::put(row::vault(id), &record)], epoch))
    })?;
    // A new PIN is a new start for those who tried the old one.
    unlock_token::forget_failures(rooms, id, |kind, _| kind == user_type.name())?;
    Ok(epoch)
}
