//! The JSON of az, member for member.

use super::*;

fn one() -> Vault {
    Vault {
        name: "dev".to_owned(),
        id: "00ff".to_owned(),
        location: "eastasia".to_owned(),
        resource_group: "ContosoResourceGroup".to_owned(),
        sku: "premium".to_owned(),
        soft_delete_retention_days: 90,
        profile: "standard".to_owned(),
        wrapping: "guarded".to_owned(),
        authorization: "access-policy".to_owned(),
        vault_uri: "https://dev.vault.localhost/".to_owned(),
        subscription_id: "s".to_owned(),
        tenant_id: "t".to_owned(),
        created_by: "ada@example.com".to_owned(),
        ..Vault::default()
    }
}

fn check(value: Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(value, expected, "{value:#}");
}

#[test]
fn items_of_lists() {
    check(
        vault_item(&one()),
        r#"{"id":"/subscriptions/s/resourceGroups/ContosoResourceGroup/providers/Microsoft.KeyVault/vaults/dev",
        "location":"eastasia","name":"dev","resourceGroup":"ContosoResourceGroup",
        "systemData":{"createdAt":"1970-01-01T00:00:00+00:00","createdBy":"ada@example.com","createdByType":"User",
        "lastModifiedAt":"1970-01-01T00:00:00+00:00","lastModifiedBy":null,"lastModifiedByType":null},
        "tags":{},"type":"Microsoft.KeyVault/vaults"}"#,
    );
}

#[test]
fn properties() {
    let entry = AccessPolicy {
        object_id: "o".to_owned(),
        keys: vec!["decrypt".to_owned(), "sign".to_owned()],
        principal: "pin:user".to_owned(),
        ..AccessPolicy::default()
    };
    let rules = NetworkRules { ip_addresses: vec!["10.0.0.1".to_owned()], ..NetworkRules::default() };
    let whole = vault(&Vault { access_policies: vec![entry], network_rules: Some(rules), ..one() });
    check(
        whole["properties"].clone(),
        r#"{"accessPolicies":[{"applicationId":null,"objectId":"o","permissions":{"certificates":[],
        "keys":["decrypt","sign"],"secrets":[],"storage":[]},"tenantId":"t"}],"createMode":null,
        "enablePurgeProtection":null,"enableRbacAuthorization":false,"enableSoftDelete":true,"enabledForDeployment":false,
        "enabledForDiskEncryption":false,"enabledForTemplateDeployment":false,"hsmPoolResourceId":null,
        "networkAcls":{"bypass":"AzureServices","defaultAction":"Allow","ipRules":[{"value":"10.0.0.1"}],
        "virtualNetworkRules":[]},"privateEndpointConnections":null,"provisioningState":"Succeeded",
        "publicNetworkAccess":"Enabled","sku":{"family":"A","name":"premium"},"softDeleteRetentionInDays":90,
        "softkeep":{"id":"00ff","principals":{"o":"pin:user"},"profile":"standard","publishCertificates":false,
        "publishSecrets":false,"revision":0,"slotId":0,"soPinSet":false,"userPinSet":false,"wrapping":"guarded"},
        "tenantId":"t","vaultUri":"https://dev.vault.localhost/"}"#,
    );
    let whole = vault(&Vault { purge_protection: true, authorization: "rbac".to_owned(), ..one() });
    assert_eq!(whole["properties"]["enablePurgeProtection"], true);
    assert_eq!(whole["properties"]["enableRbacAuthorization"], true);
    assert_eq!(whole["properties"]["networkAcls"], Value::Null);
}

#[test]
fn deleted_vaults() {
    check(
        deleted_vault(&Vault { deleted: Some(0), scheduled_purge: Some(60), ..one() }),
        r#"{"id":"/subscriptions/s/providers/Microsoft.KeyVault/locations/eastasia/deletedVaults/dev","name":"dev",
        "properties":{"deletionDate":"1970-01-01T00:00:00+00:00","location":"eastasia","purgeProtectionEnabled":null,
        "scheduledPurgeDate":"1970-01-01T00:01:00+00:00","tags":{},
        "vaultId":"/subscriptions/s/resourceGroups/ContosoResourceGroup/providers/Microsoft.KeyVault/vaults/dev"},
        "type":"Microsoft.KeyVault/deletedVaults"}"#,
    );
}

#[test]
fn a_subnet_has_its_group() {
    let subnet = "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/v/subnets/a";
    let rules = NetworkRules { subnet_ids: vec![subnet.to_owned()], ..NetworkRules::default() };
    assert_eq!(
        network_rules(&rules)["virtualNetworkRules"],
        json!([{ "id": subnet, "ignoreMissingVnetServiceEndpoint": null, "resourceGroup": "Net" }])
    );
}
