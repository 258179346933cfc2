//! C_InitToken (PKCS#11 3.2 section 5.5.7): a new vault out of the free slot, or a vault emptied. Whether this peer
//! may do either, the daemon decides.

use softkeep_proto::{limits::MAX_PIN_BYTES, pkcs11::v1::InitToken};

use super::{login::pin_bytes, slot};
use crate::{
    error::{Error, Result},
    ffi::InBuf,
    module::Module,
    remote,
};

/// C_InitToken. The label is 32 bytes, padded with blanks; older programs end it with a NUL. It names a new vault.
pub fn init(module: &Module, slot_id: u64, pin: InBuf, label: InBuf) -> Result<()> {
    slot::require(module, slot_id)?;
    let (pin, label) = (pin_bytes(&pin)?, label.bytes()?);
    let (client, slot) = module.with(|running| {
        let slot = running.slots.slot(slot_id)?;
        match running.sessions.count(slot_id) {
            (0, _) => Ok((running.client(), slot)),
            _ => Err(Error::SessionExists),
        }
    })?;
    if pin.len() > MAX_PIN_BYTES {
        return Err(if slot.vault_id.is_empty() { Error::PinLenRange } else { Error::PinIncorrect });
    }
    let label = std::str::from_utf8(label).map_err(|_| Error::ArgumentsBad)?;
    let label = match slot.vault_id.is_empty() {
        true => label.split('\0').next().unwrap_or_default().trim_end().to_owned(),
        // A vault keeps its name: who has it in a URL must not find another there.
        false => String::new(),
    };
    let answer = remote::init_token(&client, &slot.vault_id, InitToken { so_pin: pin.to_vec().into(), label });
    module.with(|running| {
        // A right PIN or a wrong one: what is known of the token is old.
        running.slots.forget_age();
        if answer.is_ok() {
            running.forget_token(slot_id);
        }
        Ok(())
    })?;
    answer?;
    slot::refresh(module)
}
