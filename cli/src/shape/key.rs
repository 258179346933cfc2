//! Keys.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::{Key, RotationPolicy};

use super::{base_id, deletion, managed, moment, number, tags, text};
use crate::{output::Columns, time};

/// `-o table` of keys.
pub const KEY_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Enabled", "/attributes/enabled"),
    ("KeySize", "/keySize"),
    ("Created", "/attributes/created"),
    ("Expires", "/attributes/expires"),
    ("Kid", "/kid"),
];

/// `-o table` of what is deleted.
pub const DELETED_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("DeletedDate", "/deletedDate"),
    ("ScheduledPurgeDate", "/scheduledPurgeDate"),
    ("RecoveryId", "/recoveryId"),
];

/// `-o table` of one key.
pub const ONE_KEY_COLUMNS: Columns = &[
    ("Kty", "/key/kty"),
    ("Crv", "/key/crv"),
    ("KeyOps", "/key/keyOps"),
    ("Enabled", "/attributes/enabled"),
    ("Expires", "/attributes/expires"),
    ("Kid", "/key/kid"),
];

fn size(key: &Key) -> Value {
    if key.key_size_bits == 0 { Value::Null } else { key.key_size_bits.into() }
}

/// `key create`, `import`, `show`; with the three dates of `delete` if it is deleted.
pub fn key(key: &Key) -> Value {
    let mut value = json!({
        "attributes": {
            "created": time::print(key.created),
            "enabled": key.enabled,
            "expires": moment(key.expires),
            "exportable": key.exportable,
            "hsmPlatform": text(&key.hsm_platform),
            "keySize": size(key),
            "notBefore": moment(key.not_before),
            "recoverableDays": key.recoverable_days,
            "recoveryLevel": text(&key.recovery_level),
            "updated": time::print(key.updated),
        },
        "key": {
            "crv": text(&key.curve),
            "d": null, "dp": null, "dq": null,
            "e": number(&key.e),
            "k": null,
            "keyOps": key.key_ops,
            "kid": key.kid,
            "kty": key.kty,
            "n": number(&key.n),
            "p": null, "q": null, "qi": null, "t": null,
            "x": number(&key.x),
            "y": number(&key.y),
        },
        "managed": managed(key.managed),
        "releasePolicy": null,
        "tags": tags(&key.tags),
    });
    add_deletion(key, &mut value);
    value
}

/// The three dates of a deleted key.
fn add_deletion(key: &Key, value: &mut Value) {
    deletion(value, key.deleted, key.scheduled_purge, base_id(&key.kid, &key.version), "keys");
}

/// An item of `key list-deleted`.
pub fn deleted_key_item(key: &Key) -> Value {
    let mut value = key_item(key, false);
    add_deletion(key, &mut value);
    value
}

/// An item of `key list` (its current version, named without it) or, `versioned`, of `key list-versions`.
pub fn key_item(key: &Key, versioned: bool) -> Value {
    json!({
        "attributes": {
            "attestation": null,
            "created": time::print(key.created),
            "enabled": key.enabled,
            "expires": moment(key.expires),
            "exportable": key.exportable,
            "externalKey": null,
            "hsmPlatform": text(&key.hsm_platform),
            "keySize": size(key),
            "notBefore": moment(key.not_before),
            "recoverableDays": key.recoverable_days,
            "recoveryLevel": text(&key.recovery_level),
            "updated": time::print(key.updated),
        },
        "keySize": size(key),
        "kid": if versioned { key.kid.as_str() } else { base_id(&key.kid, &key.version) },
        "managed": managed(key.managed),
        "name": key.name,
        "releasePolicy": null,
        "tags": tags(&key.tags),
    })
}

/// `key rotation-policy`.
pub fn rotation_policy(policy: &RotationPolicy) -> Value {
    let actions: Vec<Value> = policy
        .lifetime_actions
        .iter()
        .map(|action| {
            json!({
                "action": action.action,
                "timeAfterCreate": text(&action.time_after_create),
                "timeBeforeExpiry": text(&action.time_before_expiry),
            })
        })
        .collect();
    json!({
        "createdOn": moment(policy.created),
        "expiresIn": text(&policy.expiry_time),
        "id": text(&policy.id),
        "lifetimeActions": actions,
        "updatedOn": moment(policy.updated),
    })
}
