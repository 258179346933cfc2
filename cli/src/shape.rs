//! The JSON that `az keyvault` prints, from our messages. Names and nulls are az's; nothing is left out because it is
//! empty.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::{Value, json};
use softkeep_proto::v1::{Key, Status, Token, Vault};

use crate::{encoding::base64, output::Columns, time};

/// Azure's path of a vault needs a subscription; there is one here, and this is its number.
const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// `-o table` of keys.
pub const KEY_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Enabled", "/attributes/enabled"),
    ("KeySize", "/keySize"),
    ("Created", "/attributes/created"),
    ("Expires", "/attributes/expires"),
    ("Kid", "/kid"),
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

/// `-o table` of vaults.
pub const VAULT_COLUMNS: Columns = &[("Name", "/name"), ("Location", "/location"), ("ResourceGroup", "/resourceGroup")];

fn moment(seconds: Option<i64>) -> Value {
    seconds.map_or(Value::Null, |seconds| time::print(seconds).into())
}

fn text(value: &str) -> Value {
    if value.is_empty() { Value::Null } else { value.into() }
}

fn number(bytes: &[u8]) -> Value {
    if bytes.is_empty() { Value::Null } else { base64(bytes).into() }
}

/// Key Vault leaves absent tags out, which az prints as null.
fn tags(tags: &HashMap<String, String>) -> Value {
    if tags.is_empty() { Value::Null } else { json!(tags) }
}

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
        "managed": null,
        "releasePolicy": null,
        "tags": tags(&key.tags),
    });
    add_deletion(key, &mut value);
    value
}

/// The three dates of a deleted key.
fn add_deletion(key: &Key, value: &mut Value) {
    if let (Some(deleted), Some(members)) = (key.deleted, value.as_object_mut()) {
        members.insert("deletedDate".to_owned(), time::print(deleted).into());
        members.insert("recoveryId".to_owned(), base_id(key).replace("/keys/", "/deletedkeys/").into());
        members.insert("scheduledPurgeDate".to_owned(), moment(key.scheduled_purge));
    }
}

/// An item of `key list-deleted`.
pub fn deleted_key_item(key: &Key) -> Value {
    let mut value = key_item(key, false);
    add_deletion(key, &mut value);
    value
}

/// The identifier without the version.
fn base_id(key: &Key) -> &str {
    key.kid
        .strip_suffix(&key.version)
        .filter(|_| !key.version.is_empty())
        .map_or(&key.kid, |base| base.trim_end_matches('/'))
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
        "kid": if versioned { key.kid.as_str() } else { base_id(key) },
        "managed": null,
        "name": key.name,
        "releasePolicy": null,
        "tags": tags(&key.tags),
    })
}

/// An item of `keyvault list`.
pub fn vault_item(vault: &Vault) -> Value {
    let group = if vault.resource_group.is_empty() { "softkeep" } else { &vault.resource_group };
    let group_id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}");
    json!({
        "id": format!("{group_id}/providers/Microsoft.KeyVault/vaults/{}", vault.name),
        "location": vault.location,
        "name": vault.name,
        "resourceGroup": group,
        "systemData": {
            "createdAt": time::print(vault.created),
            "createdBy": null,
            "createdByType": null,
            "lastModifiedAt": time::print(vault.updated),
            "lastModifiedBy": null,
            "lastModifiedByType": null,
        },
        "tags": vault.tags,
        "type": "Microsoft.KeyVault/vaults",
    })
}

/// `keyvault create` and `show`. What Key Vault does not have is under `properties.softkeep`.
pub fn vault(vault: &Vault) -> Value {
    let mut value = vault_item(vault);
    if let Some(members) = value.as_object_mut() {
        members.insert(
            "properties".to_owned(),
            json!({
                "accessPolicies": [],
                "createMode": null,
                "enablePurgeProtection": null,
                "enableRbacAuthorization": false,
                "enableSoftDelete": true,
                "enabledForDeployment": false,
                "enabledForDiskEncryption": false,
                "enabledForTemplateDeployment": false,
                "hsmPoolResourceId": null,
                "networkAcls": null,
                "privateEndpointConnections": null,
                "provisioningState": "Succeeded",
                "publicNetworkAccess": "Enabled",
                "sku": { "family": "A", "name": vault.sku },
                "softDeleteRetentionInDays": vault.soft_delete_retention_days,
                "softkeep": {
                    "id": vault.id,
                    "profile": vault.profile,
                    "publishCertificates": vault.publish_certificates,
                    "revision": vault.revision,
                    "slotId": vault.slot_id,
                    "soPinSet": vault.so_pin_set,
                    "userPinSet": vault.user_pin_set,
                    "wrapping": vault.wrapping,
                },
                "tenantId": SUBSCRIPTION,
                "vaultUri": null,
            }),
        );
    }
    value
}

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
