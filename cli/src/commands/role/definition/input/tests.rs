//! Both of az's forms.

use super::*;

#[test]
fn both_forms() {
    let typed = read(
        r#"{"Name": "Signer", "IsCustom": true, "Description": "signs", "Actions": [], "NotActions": [],
        "DataActions": ["Microsoft.KeyVault/vaults/keys/sign/action"], "AssignableScopes": ["/subscriptions/s"]}"#,
    )
    .unwrap();
    let printed = read(
        r#"{"name": "0f", "roleName": "Signer", "description": "signs", "assignableScopes": ["/subscriptions/s"],
        "permissions": [{"actions": [], "notActions": [], "notDataActions": null,
        "dataActions": ["Microsoft.KeyVault/vaults/keys/sign/action"]}]}"#,
    )
    .unwrap();
    assert_eq!(printed.id, "0f");
    assert_eq!(RoleDefinition { id: String::new(), ..printed }, typed);
    assert_eq!(typed.data_actions, ["Microsoft.KeyVault/vaults/keys/sign/action"]);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, why) in [
        ("Signer", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no Name"),
        (r#"{"Name": "x", "Actions": "*"}"#, "no list"),
        (r#"{"Name": "x", "Actions": [1]}"#, "something else"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.message().contains(why), "{text}: {}", error.message());
        assert_eq!(error.exit() as u8, 2);
    }
    assert!(read("@/absent/role.json").is_err());
}
