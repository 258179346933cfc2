//! Session management (PKCS#11 3.2 section 5.6), all of it local.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::UserType;

use super::slot;
use crate::{
    error::{Error, Result},
    ffi::OutValue,
    module::Module,
};

/// C_OpenSession (section 5.6.1).
pub fn open(module: &Module, slot_id: u64, flags: u64, out: OutValue<ck::CK_SESSION_HANDLE>) -> Result<()> {
    if flags & ck::CKF_SERIAL_SESSION == 0 {
        return Err(Error::SessionParallelNotSupported);
    }
    if flags & ck::CKF_ASYNC_SESSION != 0 {
        return Err(Error::SessionAsyncNotSupported);
    }
    out.require()?;
    slot::require(module, slot_id)?;
    let read_write = flags & ck::CKF_RW_SESSION != 0;
    let session = module.with(|running| {
        let so = running.login(slot_id).is_some_and(|login| login.user_type == UserType::So);
        if so && !read_write {
            return Err(Error::SessionReadWriteSoExists);
        }
        let slot = running.slots.slot(slot_id)?;
        if slot.vault_id.is_empty() {
            // The free slot: C_InitToken is all that can be done there.
            return Err(Error::TokenNotRecognized);
        }
        Ok(running.open_session(slot, read_write))
    })?;
    out.set(session)
}

/// C_CloseSession (section 5.6.2).
pub fn close(module: &Module, session: u64) -> Result<()> {
    module.with(|running| running.close_session(session))
}

/// C_CloseAllSessions (section 5.6.3).
pub fn close_all(module: &Module, slot_id: u64) -> Result<()> {
    slot::require(module, slot_id)?;
    module.with(|running| {
        running.close_all_sessions(slot_id);
        Ok(())
    })
}

/// C_GetSessionInfo (section 5.6.4).
pub fn info(module: &Module, session: u64, out: OutValue<ck::CK_SESSION_INFO>) -> Result<()> {
    let info = module.with(|running| {
        let open = running.sessions.get(session)?;
        let slot_id = open.slot.slot_id;
        let state = match (running.login(slot_id).map(|login| login.user_type), open.read_write) {
            (Some(UserType::So), _) => ck::CKS_RW_SO_FUNCTIONS,
            (Some(UserType::User), true) => ck::CKS_RW_USER_FUNCTIONS,
            (Some(UserType::User), false) => ck::CKS_RO_USER_FUNCTIONS,
            (_, true) => ck::CKS_RW_PUBLIC_SESSION,
            (_, false) => ck::CKS_RO_PUBLIC_SESSION,
        };
        Ok(ck::CK_SESSION_INFO { slotID: slot_id, state, flags: open.flags(), ulDeviceError: 0 })
    })?;
    out.set(info)
}

/// C_SessionCancel (section 5.6.5): what is not active needs no cancelling.
pub fn cancel(module: &Module, session: u64, flags: u64) -> Result<()> {
    module.with(|running| {
        running.sessions.get_mut(session)?.cancel(flags);
        Ok(())
    })
}

/// C_GetSessionValidationFlags (section 5.6.11): no validation is claimed.
pub fn validation_flags(module: &Module, session: u64, out: OutValue<ck::CK_FLAGS>) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.set(0)
}
