//! Slot and token management (PKCS#11 3.2 section 5.5): answered from memory that is at most a second old.

use std::time::{Duration, Instant};

use cryptoki_sys as ck;

use crate::{
    error::{Error, Result},
    ffi::{OutList, OutValue},
    mechanism::{self, TABLE},
    module::Module,
    remote,
    slot::token_info as describe_token,
};

/// How long a look waits where there is something else to answer with. Hosts poll these calls, some on their main
/// thread.
const KNOWN_PATIENCE: Duration = Duration::from_secs(1);

/// How long the first look waits where not even a socket is: a daemon that is being restarted removes it for as long,
/// and every program that only has the module configured would wait in vain.
const NO_SOCKET_PATIENCE: Duration = Duration::from_secs(1);

/// How long a look waits after one that failed, and for who does not want to wait.
const GLANCE: Duration = Duration::from_millis(200);

/// How often a thread that waits for an event looks. A vault that is made is no notice on any connection, and an
/// absent daemon has none.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// Asks the daemon for the slots, if what is known may be old. If it does not answer, what is known stays good: hosts
/// poll these calls and would take an error for a token pulled out.
pub fn refresh(module: &Module) -> Result<()> {
    look(module, Duration::MAX)
}

fn look(module: &Module, at_most: Duration) -> Result<()> {
    let (client, known, stale) =
        module.with(|running| Ok((running.client(), running.slots.revisions(), running.slots.is_stale())))?;
    client.drain_notices();
    let changed = known.iter().any(|(vault_id, revision)| client.told_revision(vault_id) > *revision);
    if !changed && !stale {
        return Ok(());
    }
    let patience = patience(module)?.min(at_most);
    let listed = remote::list_tokens(&client, Instant::now() + patience);
    if let Err(error) = &listed {
        module.log().failure("the list of slots", error);
    }
    module.with(|running| {
        match listed {
            Ok(tokens) => running.slots.store(tokens),
            Err(_) => running.slots.keep(),
        }
        Ok(())
    })
}

/// How long to wait for the daemon's list. As long as any call only at the first look of all, and only where a daemon
/// seems to be: that is a program which starts while the daemon is restarted.
fn patience(module: &Module) -> Result<Duration> {
    let (endpoint, limit, known, failed) = module.with(|running| {
        let slots = &running.slots;
        Ok((running.endpoint().clone(), running.time_limit(), slots.is_known(), slots.has_failed()))
    })?;
    Ok(match (failed, known) {
        (true, _) => GLANCE,
        (false, true) => KNOWN_PATIENCE,
        (false, false) if endpoint.exists() => limit,
        (false, false) => NO_SOCKET_PATIENCE,
    }
    .min(limit))
}

/// Makes sure that a slot id means something, without a call if it is known.
pub fn require(module: &Module, slot_id: u64) -> Result<()> {
    if module.with(|running| running.slots.token(slot_id).map(drop)).is_err() {
        refresh(module)?;
    }
    module.with(|running| running.slots.token(slot_id).map(drop))
}

/// C_GetSlotList (section 5.5.1). The call that asks for the count looks, and the list that follows is that one; a list
/// that nobody counted looks for itself.
pub fn list(module: &Module, only_present: bool, out: OutList<ck::CK_SLOT_ID>) -> Result<()> {
    let query = out.is_query();
    if query || !module.with(|running| Ok(running.slots.is_counted()))? {
        refresh(module)?;
    }
    let slots = module.with(|running| Ok(running.slots.list(only_present, query)))?;
    out.fill(&slots)
}

/// C_GetSlotInfo (section 5.5.2).
pub fn slot_info(module: &Module, slot_id: u64, out: OutValue<ck::CK_SLOT_INFO>) -> Result<()> {
    out.require()?;
    refresh(module)?;
    out.set(module.with(|running| running.slots.slot_info(slot_id))?)
}

/// C_GetTokenInfo (section 5.5.3).
pub fn token_info(module: &Module, slot_id: u64, out: OutValue<ck::CK_TOKEN_INFO>) -> Result<()> {
    out.require()?;
    refresh(module)?;
    let info =
        module.with(|running| Ok(describe_token(running.slots.token(slot_id)?, running.sessions.count(slot_id))))?;
    out.set(info)
}

/// C_WaitForSlotEvent (section 5.5.4): tokens appear and go as vaults do, and when the first daemon is found. The
/// waiting thread itself looks for them, since the module has no other.
pub fn wait(module: &Module, flags: u64, out: OutValue<ck::CK_SLOT_ID>, reserved_is_null: bool) -> Result<()> {
    out.require()?;
    if !reserved_is_null {
        return Err(Error::ArgumentsBad);
    }
    let blocks = flags & ck::CKF_DONT_BLOCK == 0;
    let generation = module.generation();
    loop {
        look(module, GLANCE)?;
        if let Some(slot_id) = module.with(|running| Ok(running.slots.take_event()))? {
            return out.set(slot_id);
        }
        if !blocks {
            return Err(Error::NoEvent);
        }
        module.rest(generation, EVENT_INTERVAL)?;
    }
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
    out.set(mechanism::info(mechanism)?)
}
