//! The PKCS#11 face of a vault, and the daemon itself.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::{Status, Token};

use super::text;
use crate::time;

/// `token …`.
pub fn token(token: &Token) -> Value {
    let failures: Vec<Value> = token
        .failures
        .iter()
        .map(|failure| {
            json!({
                "count": failure.count,
                "locked": failure.locked,
                "peer": failure.peer,
                "userType": failure.user_type,
            })
        })
        .collect();
    json!({
        "failures": failures,
        "label": token.label,
        "serial": token.serial,
        "slotId": token.slot_id,
        "soPinSet": token.so_pin_set,
        "userPinSet": token.user_pin_set,
        "vault": token.vault,
    })
}

/// `status`, `seal`, `unseal`.
pub fn status(status: &Status, endpoint: &str) -> Value {
    json!({
        "audit": status.audit,
        "cryptoBackend": status.crypto_backend,
        "damagedRecords": status.damaged_records,
        "devMode": status.dev_mode,
        "endpoint": endpoint,
        "memoryLocked": status.memory_locked,
        "requests": status.requests,
        "sealReason": text(&status.seal_reason),
        "sealed": status.sealed,
        "slots": status.slots,
        "started": time::print(status.started),
        "store": status.store,
        "version": status.version,
    })
}
