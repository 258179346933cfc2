//! Vaults.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::{
    limits::NO_GROUP,
    v1::{AccessPolicy, NetworkRules, Vault},
};

use super::{group::group_id, moment, text};
use crate::{output::Columns, time};

/// `-o table` of vaults.
pub const VAULT_COLUMNS: Columns = &[("Location", "/location"), ("Name", "/name"), ("ResourceGroup", "/resourceGroup")];

/// `-o table` of deleted vaults.
pub const DELETED_VAULT_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Location", "/properties/location"),
    ("DeletionDate", "/properties/deletionDate"),
    ("ScheduledPurgeDate", "/properties/scheduledPurgeDate"),
];

/// The group of a vault.
fn group(vault: &Vault) -> &str {
    if vault.resource_group.is_empty() { NO_GROUP } else { &vault.resource_group }
}

/// The path of a vault.
pub fn vault_id(vault: &Vault) -> String {
    format!("{}/providers/Microsoft.KeyVault/vaults/{}", group_id(&vault.subscription_id, group(vault)), vault.name)
}

/// An item of `keyvault list`.
pub fn vault_item(vault: &Vault) -> Value {
    json!({
        "id": vault_id(vault),
        "location": vault.location,
        "name": vault.name,
        "resourceGroup": group(vault),
        "systemData": {
            "createdAt": time::print(vault.created),
            "createdBy": text(&vault.created_by),
            "createdByType": kind_of(&vault.created_by),
            "lastModifiedAt": time::print(vault.updated),
            "lastModifiedBy": text(&vault.updated_by),
            "lastModifiedByType": kind_of(&vault.updated_by),
        },
        "tags": vault.tags,
        "type": "Microsoft.KeyVault/vaults",
    })
}

/// What Azure calls the kind of somebody who changed a vault.
fn kind_of(name: &str) -> Value {
    match name {
        "" => Value::Null,
        name if name.contains('@') => "User".into(),
        _ => "Application".into(),
    }
}

/// `keyvault create`, `show`, `update` and so on. What Key Vault does not have is under `properties.softkeep`.
pub fn vault(vault: &Vault) -> Value {
    let mut value = vault_item(vault);
    let policies: Vec<Value> =
        vault.access_policies.iter().map(|policy| access_policy(policy, &vault.tenant_id)).collect();
    if let Some(members) = value.as_object_mut() {
        members.insert(
            "properties".to_owned(),
            json!({
                "accessPolicies": policies,
                "createMode": null,
                // Key Vault leaves it out where it is off: it can only be put on.
                "enablePurgeProtection": if vault.purge_protection { true.into() } else { Value::Null },
                "enableRbacAuthorization": vault.authorization == "rbac",
                "enableSoftDelete": true,
                "enabledForDeployment": vault.enabled_for_deployment,
                "enabledForDiskEncryption": vault.enabled_for_disk_encryption,
                "enabledForTemplateDeployment": vault.enabled_for_template_deployment,
                "hsmPoolResourceId": null,
                "networkAcls": vault.network_rules.as_ref().map(network_rules),
                "privateEndpointConnections": null,
                "provisioningState": "Succeeded",
                "publicNetworkAccess": if vault.public_network_access.is_empty() { "Enabled" } else { &vault.public_network_access },
                "sku": { "family": "A", "name": vault.sku },
                "softDeleteRetentionInDays": vault.soft_delete_retention_days,
                "softkeep": {
                    "id": vault.id,
                    "principals": principals(vault),
                    "profile": vault.profile,
                    "publishCertificates": vault.publish_certificates,
                    "publishSecrets": vault.publish_secrets,
                    "revision": vault.revision,
                    "slotId": vault.slot_id,
                    "soPinSet": vault.so_pin_set,
                    "userPinSet": vault.user_pin_set,
                    "wrapping": vault.wrapping,
                },
                "tenantId": vault.tenant_id,
                "vaultUri": text(&vault.vault_uri),
            }),
        );
    }
    value
}

/// Who the object ids of the access policies are, where that is known.
fn principals(vault: &Vault) -> Value {
    let known = vault.access_policies.iter().filter(|policy| !policy.principal.is_empty());
    known
        .map(|policy| (policy.object_id.clone(), Value::from(policy.principal.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn access_policy(policy: &AccessPolicy, tenant: &str) -> Value {
    json!({
        "applicationId": text(&policy.application_id),
        "objectId": policy.object_id,
        "permissions": {
            "certificates": policy.certificates,
            "keys": policy.keys,
            "secrets": policy.secrets,
            "storage": policy.storage,
        },
        "tenantId": tenant,
    })
}

/// `keyvault network-rule list`.
pub fn network_rules(rules: &NetworkRules) -> Value {
    let or = |value: &str, default: &str| if value.is_empty() { default.to_owned() } else { value.to_owned() };
    let addresses: Vec<Value> = rules.ip_addresses.iter().map(|address| json!({ "value": address })).collect();
    let subnet = |id: &String| {
        let mut parts = id.split('/').skip_while(|part| !part.eq_ignore_ascii_case("resourceGroups"));
        json!({ "id": id, "ignoreMissingVnetServiceEndpoint": null, "resourceGroup": parts.nth(1) })
    };
    json!({
        "bypass": or(&rules.bypass, "AzureServices"),
        "defaultAction": or(&rules.default_action, "Allow"),
        "ipRules": addresses,
        "virtualNetworkRules": rules.subnet_ids.iter().map(subnet).collect::<Vec<_>>(),
    })
}

/// `keyvault show-deleted`, an item of `list-deleted`.
pub fn deleted_vault(vault: &Vault) -> Value {
    json!({
        "id": format!(
            "/subscriptions/{}/providers/Microsoft.KeyVault/locations/{}/deletedVaults/{}",
            vault.subscription_id, vault.location, vault.name
        ),
        "name": vault.name,
        "properties": {
            "deletionDate": moment(vault.deleted),
            "location": vault.location,
            "purgeProtectionEnabled": if vault.purge_protection { true.into() } else { Value::Null },
            "scheduledPurgeDate": moment(vault.scheduled_purge),
            "tags": vault.tags,
            "vaultId": vault_id(vault),
        },
        "type": "Microsoft.KeyVault/deletedVaults",
    })
}
