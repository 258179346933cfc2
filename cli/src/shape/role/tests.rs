//! Member for member.

use super::*;

fn given() -> RoleAssignment {
    RoleAssignment {
        id: "a".to_owned(),
        role_id: "r".to_owned(),
        role_name: "Reader".to_owned(),
        principal_id: "p".to_owned(),
        principal_kind: "User".to_owned(),
        principal_name: "ada".to_owned(),
        scope: "/subscriptions/s/resourceGroups/G".to_owned(),
        created: 0,
        created_by: String::new(),
    }
}

#[test]
fn assignments() {
    let base = json!({
        "condition": null, "conditionVersion": null, "createdBy": null, "createdOn": "1970-01-01T00:00:00+00:00",
        "delegatedManagedIdentityResourceId": null, "description": null,
        "id": "/subscriptions/s/resourceGroups/G/providers/Microsoft.Authorization/roleAssignments/a",
        "name": "a", "principalId": "p", "principalType": "User", "resourceGroup": "G",
        "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r",
        "scope": "/subscriptions/s/resourceGroups/G", "type": "Microsoft.Authorization/roleAssignments",
        "updatedBy": null, "updatedOn": "1970-01-01T00:00:00+00:00",
    });
    assert_eq!(assignment(&given(), "s", false), base);
    let listed = assignment(&given(), "s", true);
    assert_eq!((&listed["principalName"], &listed["roleDefinitionName"]), (&"ada".into(), &"Reader".into()));
    let whole = RoleAssignment { scope: "/subscriptions/s".to_owned(), ..given() };
    assert!(assignment(&whole, "s", false).get("resourceGroup").is_none());
    assert_eq!(vault_assignment(&given(), "s")["roleName"], "Reader");
}

#[test]
fn definitions() {
    let role = RoleDefinition {
        id: "r".to_owned(),
        name: "Signer".to_owned(),
        custom: true,
        data_actions: vec!["sign".to_owned()],
        assignable_scopes: vec!["/".to_owned()],
        ..RoleDefinition::default()
    };
    assert_eq!(
        definition(&role, "s"),
        json!({
            "assignableScopes": ["/"], "createdBy": null, "createdOn": null, "description": "",
            "id": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r", "name": "r",
            "permissions": [{"actions": [], "condition": null, "conditionVersion": null, "dataActions": ["sign"],
                "notActions": [], "notDataActions": []}],
            "roleName": "Signer", "roleType": "CustomRole", "type": "Microsoft.Authorization/roleDefinitions",
            "updatedBy": null, "updatedOn": null,
        })
    );
}
