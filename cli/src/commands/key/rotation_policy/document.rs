//! The policy's document, in the forms that az reads: Key Vault's own (`trigger`, `action.type`, `attributes`) and what
//! `show` prints.

#[cfg(test)]
mod tests;

use softkeep_proto::v1::LifetimeAction;

use crate::{
    document::{self, Members},
    error::Result,
};

/// The expiry time, and the actions.
pub fn read(flag: &str, given: &str) -> Result<(String, Vec<LifetimeAction>)> {
    let value = document::read(flag, given)?;
    let policy = Members::of(flag, &value);
    let expiry = ["expiryTime", "expiresIn"];
    let expiry_time = match policy.object(&["attributes"])? {
        Some(attributes) => attributes.text(&expiry)?,
        None => policy.text(&expiry)?,
    };
    let actions = policy.objects(&["lifetimeActions"])?.into_iter().map(|action| {
        let name = if action.is_text(&["action"]) {
            action.text(&["action"])?
        } else {
            action.object(&["action"])?.map_or(Ok(String::new()), |action| action.text(&["type"]))?
        };
        let trigger = action.object(&["trigger"])?.unwrap_or(action);
        Ok(LifetimeAction {
            action: spelled(&name),
            time_after_create: trigger.text(&["timeAfterCreate"])?,
            time_before_expiry: trigger.text(&["timeBeforeExpiry"])?,
        })
    });
    Ok((expiry_time, actions.collect::<Result<_>>()?))
}

/// az takes `rotate` for `Rotate`.
fn spelled(action: &str) -> String {
    let known = ["Rotate", "Notify"].into_iter().find(|known| known.eq_ignore_ascii_case(action));
    known.unwrap_or(action).to_owned()
}
