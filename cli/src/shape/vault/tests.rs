//! The JSON of az, member for member.

use super::*;

fn check(value: Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(value, expected, "{value:#}");
}

#[test]
fn vaults() {
    let one = Vault {
        name: "dev".to_owned(),
        id: "00ff".to_owned(),
        location: "eastasia".to_owned(),
        resource_group: "ContosoResourceGroup".to_owned(),
        sku: "premium".to_owned(),
        soft_delete_retention_days: 90,
        profile: "standard".to_owned(),
        ..Vault::default()
    };
    check(
        vault_item(&one),
        r#"{"id":"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoResourceGroup/providers/Microsoft.KeyVault/vaults/dev",
        "location":"eastasia","name":"dev","resourceGroup":"ContosoResourceGroup",
        "systemData":{"createdAt":"1970-01-01T00:00:00+00:00","createdBy":null,"createdByType":null,
        "lastModifiedAt":"1970-01-01T00:00:00+00:00","lastModifiedBy":null,"lastModifiedByType":null},
        "tags":{},"type":"Microsoft.KeyVault/vaults"}"#,
    );
    let whole = vault(&one);
    assert_eq!(whole["properties"]["sku"], json!({"family": "A", "name": "premium"}));
    assert_eq!(whole["properties"]["softDeleteRetentionInDays"], 90);
    assert_eq!(whole["properties"]["softkeep"]["slotId"], 0);
}
