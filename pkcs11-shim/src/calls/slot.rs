//! Slot and token management (PKCS#11 3.2 section 5.5): answered from memory that is at most a second old.

use cryptoki_sys as ck;

use crate::{
    error::{Error, Result},
    ffi::{OutList, OutValue},
    mechanism::{self, TABLE},
    module::Module,
    remote,
    slot::{slot_info as describe_slot, token_info as describe_token},
};

/// Asks the daemon for the slots, if what is known may be old. If it does not answer, what is known stays good: hosts
/// poll these calls and would take an error for a token pulled out.
fn refresh(module: &Module) -> Result<()> {
    let (client, known) = module.with(|running| Ok((running.client(), running.slots.revisions())))?;
    client.drain_notices();
    let changed = known.iter().any(|(vault_id, revision)| client.told_revision(vault_id) > *revision);
    if !changed && !module.with(|running| Ok(running.slots.is_stale()))? {
        return Ok(());
    }
    let listed = remote::list_tokens(&client);
    if let Err(error) = &listed {
        module.log().failure("the list of slots", error);
    }
    module.with(|running| {
        match listed {
            Ok(tokens) => running.slots.store(tokens),
            Err(_) if running.slots.is_known() => running.slots.keep(),
            Err(error) => return Err(error),
        }
        Ok(())
    })
}

/// Makes sure that a slot id means something, without a call if it is known.
pub fn require(module: &Module, slot_id: u64) -> Result<()> {
    if module.with(|running| running.slots.token(slot_id).map(drop)).is_err() {
        refresh(module)?;
    }
    module.with(|running| running.slots.token(slot_id).map(drop))
}

/// C_GetSlotList (section 5.5.1). The list changes only with a call that asks for the count.
pub fn list(module: &Module, out: OutList<ck::CK_SLOT_ID>) -> Result<()> {
    if out.is_query() || !module.with(|running| Ok(running.slots.is_known()))? {
        refresh(module)?;
    }
    let slots = module.with(|running| Ok(running.slots.ids()))?;
    out.fill(&slots)
}

/// C_GetSlotInfo (section 5.5.2).
pub fn slot_info(module: &Module, slot_id: u64, out: OutValue<ck::CK_SLOT_INFO>) -> Result<()> {
    out.require()?;
    require(module, slot_id)?;
    out.set(module.with(|running| running.slots.token(slot_id).map(describe_slot))?)
}

/// C_GetTokenInfo (section 5.5.3).
pub fn token_info(module: &Module, slot_id: u64, out: OutValue<ck::CK_TOKEN_INFO>) -> Result<()> {
    out.require()?;
    refresh(module)?;
    let info =
        module.with(|running| Ok(describe_token(running.slots.token(slot_id)?, running.sessions.count(slot_id))))?;
    out.set(info)
}

/// C_WaitForSlotEvent (section 5.5.4). Slots are never inserted or removed; C_Finalize wakes whoever waits.
pub fn wait(module: &Module, flags: u64) -> Result<()> {
    if flags & ck::CKF_DONT_BLOCK != 0 { Err(Error::NoEvent) } else { module.wait_for_end() }
}

/// C_GetMechanismList (section 5.5.5).
pub fn mechanisms(module: &Module, slot_id: u64, out: OutList<ck::CK_MECHANISM_TYPE>) -> Result<()> {
    require(module, slot_id)?;
    let mechanisms: Vec<_> = TABLE.iter().map(|row| row.mechanism).collect();
    out.fill(&mechanisms)
}

/// C_GetMechanismInfo (section 5.5.6).
pub fn mechanism_info(
    module: &Module,
    slot_id: u64,
    mechanism: u64,
    out: OutValue<ck::CK_MECHANISM_INFO>,
) -> Result<()> {
    require(module, slot_id)?;
    out.set(mechanism::find(mechanism)?.info())
}
