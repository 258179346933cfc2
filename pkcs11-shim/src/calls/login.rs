//! Login, logout and PINs (PKCS#11 3.2 sections 5.5.8 and 5.6.8). The PIN goes to the daemon once; what comes back is
//! kept for the application's every session in the slot, and carries no rights of its own.

use std::sync::atomic::Ordering;

use cryptoki_sys as ck;
use softkeep_proto::{
    limits::MAX_PIN_BYTES,
    pkcs11::v1::{ContextLogin, UserType},
};

use super::require_read_write;
use crate::{
    error::{Error, Result},
    ffi::InBuf,
    module::{Module, Running},
    session::Authentication,
};

/// Why a login is not even tried.
fn check(running: &mut Running, session: u64, user_type: UserType) -> Result<u64> {
    let slot_id = running.sessions.get(session)?.slot.slot_id;
    if running.login(slot_id).is_some_and(|login| login.dead.load(Ordering::Relaxed)) {
        // Otherwise there would be no way back: not logged in for the daemon, already logged in for C_Login.
        running.log_out(slot_id);
    }
    match running.login(slot_id) {
        Some(login) if login.user_type == user_type => return Err(Error::UserAlreadyLoggedIn),
        Some(_) => return Err(Error::UserAnotherAlreadyLoggedIn),
        None => {}
    }
    let (all, read_write) = running.sessions.count(slot_id);
    if user_type == UserType::So && all != read_write {
        return Err(Error::SessionReadOnlyExists);
    }
    Ok(slot_id)
}

/// The PIN's bytes. There is no keypad (CKF_PROTECTED_AUTHENTICATION_PATH), so NULL is a mistake.
pub fn pin_bytes(pin: &InBuf) -> Result<&[u8]> {
    if pin.is_null() {
        return Err(Error::ArgumentsBad);
    }
    pin.bytes()
}

/// C_Login (section 5.6.8).
pub fn login(module: &Module, session: u64, user_type: u64, pin: InBuf) -> Result<()> {
    let user_type = match user_type {
        ck::CKU_SO => UserType::So,
        ck::CKU_USER => UserType::User,
        ck::CKU_CONTEXT_SPECIFIC => return context_login(module, session, &pin),
        _ => return Err(Error::UserTypeInvalid),
    };
    let remote = module.with(|running| {
        check(running, session, user_type)?;
        running.remote(session)
    })?;
    let pin = pin_bytes(&pin)?;
    if pin.len() > MAX_PIN_BYTES {
        // No PIN is as long, and a wrong PIN is what it is.
        return Err(Error::PinIncorrect);
    }
    let answer = remote.login(user_type, pin);
    module.with(|running| {
        running.slots.forget_age();
        let token = answer?;
        // Another thread may have been quicker; its login stands.
        let slot_id = check(running, session, user_type)?;
        running.log_in(slot_id, user_type, &token);
        Ok(())
    })
}

/// CKU_CONTEXT_SPECIFIC: the PIN again, for one use of the key that the session's operation is about to use
/// (CKA_ALWAYS_AUTHENTICATE). A wrong PIN leaves the operation waiting.
fn context_login(module: &Module, session: u64, pin: &InBuf) -> Result<()> {
    let (serial, key, remote) = module.with(|running| {
        let remote = running.remote(session)?;
        let (serial, usage) = running.sessions.get_mut(session)?.waiting()?;
        Ok((serial, usage.key.to_wire(None), remote))
    })?;
    let pin = pin_bytes(pin)?;
    if pin.len() > MAX_PIN_BYTES {
        return Err(Error::PinIncorrect);
    }
    let answer = remote.context_login(ContextLogin { key: Some(key), pin: pin.to_vec().into() });
    module.with(|running| {
        running.slots.forget_age();
        let grant = answer?;
        match running.sessions.get_mut(session)?.waiting()? {
            (still, usage) if still == serial => usage.authentication = Authentication::Granted(grant),
            _ => return Err(Error::OperationNotInitialized),
        }
        Ok(())
    })
}

/// C_LoginUser (section 5.6.9): vaults know a user and an SO, and no names.
pub fn login_user(module: &Module, session: u64, user_type: u64, pin: InBuf, name: InBuf) -> Result<()> {
    if name.bytes()?.is_empty() { login(module, session, user_type, pin) } else { Err(Error::FunctionNotSupported) }
}

/// C_Logout (section 5.6.10).
pub fn logout(module: &Module, session: u64) -> Result<()> {
    module.with(|running| {
        let slot_id = running.sessions.get(session)?.slot.slot_id;
        if running.login(slot_id).is_none() {
            return Err(Error::UserNotLoggedIn);
        }
        running.log_out(slot_id);
        Ok(())
    })
}

/// C_InitPIN (section 5.5.7): by the SO.
pub fn init_pin(module: &Module, session: u64, pin: InBuf) -> Result<()> {
    let remote = module.with(|running| {
        let remote = running.remote(session)?;
        match running.login(remote.slot.slot_id) {
            Some(login) if login.user_type == UserType::So => Ok(remote),
            _ => Err(Error::UserNotLoggedIn),
        }
    })?;
    // The answer is the user's token; whoever set the PIN stays logged in as the SO.
    remote.set_pin(UserType::User, &[], pin_bytes(&pin)?)?;
    module.with(|running| {
        running.slots.forget_age();
        Ok(())
    })
}

/// C_SetPIN (section 5.5.8): of whoever is logged in; of the user if nobody is.
pub fn set_pin(module: &Module, session: u64, old: InBuf, new: InBuf) -> Result<()> {
    let remote = require_read_write(module, session)?;
    let slot_id = remote.slot.slot_id;
    let login = module.with(|running| Ok(running.login(slot_id).cloned()))?;
    let user_type = login.as_ref().map_or(UserType::User, |login| login.user_type);
    let old = pin_bytes(&old)?;
    if old.is_empty() {
        // On the wire no old PIN means C_InitPIN, which this is not.
        return Err(Error::PinIncorrect);
    }
    let answer = remote.set_pin(user_type, old, pin_bytes(&new)?);
    module.with(|running| {
        running.slots.forget_age();
        let token = answer?;
        if let Some(login) = login.filter(|_| !token.is_empty()) {
            // The old token died with the old PIN.
            running.renew_token(slot_id, login.serial, &token);
        }
        Ok(())
    })
}
