//! Member for member.

use softkeep_proto::v1::Principal;

use super::*;

fn who(kind: &str, name: &str) -> WhoAmIReply {
    WhoAmIReply {
        principal: Some(Principal { kind: kind.to_owned(), name: name.to_owned(), ..Principal::default() }),
        subscription_id: "s".to_owned(),
        subscription_name: "Softkeep".to_owned(),
        tenant_id: "t".to_owned(),
        administrator: false,
    }
}

#[test]
fn accounts() {
    let expected: Value = serde_json::from_str(
        r#"{"cloudName":"Softkeep","homeTenantId":"t","id":"s","isDefault":true,"managedByTenants":[],"name":"Softkeep",
        "state":"Enabled","tenantId":"t","user":{"name":"ada@example.com","type":"user"}}"#,
    )
    .unwrap();
    assert_eq!(account_item(&who("User", "ada@example.com")), expected);
    let one = account(&who("ServicePrincipal", "app"));
    assert_eq!((&one["environmentName"], &one["user"]["type"]), (&"Softkeep".into(), &"servicePrincipal".into()));
    assert!(one.get("cloudName").is_none(), "az has another name for it here");
}

#[test]
fn places_and_the_provider() {
    let places = locations("s");
    let east = places.as_array().unwrap().iter().find(|place| place["name"] == "eastasia").unwrap();
    assert_eq!(east["displayName"], "East Asia");
    assert_eq!(east["id"], "/subscriptions/s/locations/eastasia");
    assert_eq!(east.as_object().unwrap().len(), 7);
    let provider = provider("s");
    assert_eq!(provider["id"], "/subscriptions/s/providers/Microsoft.KeyVault");
    assert_eq!(provider["registrationState"], "Registered");
}
