//! Roles and who has them.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::{RoleAssignment, RoleDefinition};

use super::text;
use crate::{output::Columns, time};

/// `-o table` of assignments.
pub const ASSIGNMENT_COLUMNS: Columns =
    &[("Principal", "/principalName"), ("Role", "/roleDefinitionName"), ("Scope", "/scope")];

/// `-o table` of assignments in a vault.
pub const VAULT_ASSIGNMENT_COLUMNS: Columns =
    &[("PrincipalName", "/principalName"), ("RoleName", "/roleName"), ("Scope", "/scope")];

/// `-o table` of definitions.
pub const DEFINITION_COLUMNS: Columns = &[("Name", "/roleName"), ("Type", "/type"), ("Description", "/description")];

/// The path of a role definition.
fn definition_id(subscription: &str, id: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{id}")
}

fn assignment_id(assignment: &RoleAssignment) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/{}",
        assignment.scope.trim_end_matches('/'),
        assignment.id
    )
}

/// `role assignment create`; `listed` is an item of `list`, which has the names too.
pub fn assignment(assignment: &RoleAssignment, subscription: &str, listed: bool) -> Value {
    let created = time::print(assignment.created);
    let mut value = json!({
        "condition": null,
        "conditionVersion": null,
        "createdBy": text(&assignment.created_by),
        "createdOn": created,
        "delegatedManagedIdentityResourceId": null,
        "description": null,
        "id": assignment_id(assignment),
        "name": assignment.id,
        "principalId": assignment.principal_id,
        "principalType": assignment.principal_kind,
        "roleDefinitionId": definition_id(subscription, &assignment.role_id),
        "scope": assignment.scope,
        "type": "Microsoft.Authorization/roleAssignments",
        "updatedBy": text(&assignment.created_by),
        "updatedOn": created,
    });
    if let Some(members) = value.as_object_mut() {
        if listed {
            members.insert("principalName".to_owned(), assignment.principal_name.clone().into());
            members.insert("roleDefinitionName".to_owned(), assignment.role_name.clone().into());
        }
        if let Some(group) = group_of(&assignment.scope) {
            members.insert("resourceGroup".to_owned(), group.into());
        }
    }
    value
}

/// The group that a scope is in or is.
fn group_of(scope: &str) -> Option<&str> {
    let mut parts = scope.split('/').skip_while(|part| !part.eq_ignore_ascii_case("resourceGroups"));
    parts.nth(1)
}

/// `keyvault role assignment …`.
pub fn vault_assignment(assignment: &RoleAssignment, subscription: &str) -> Value {
    json!({
        "id": assignment_id(assignment),
        "name": assignment.id,
        "principalId": assignment.principal_id,
        "principalName": text(&assignment.principal_name),
        "principalType": text(&assignment.principal_kind),
        "roleDefinitionId": definition_id(subscription, &assignment.role_id),
        "roleName": text(&assignment.role_name),
        "scope": assignment.scope,
        "type": "Microsoft.Authorization/roleAssignments",
    })
}

/// `role definition …`.
pub fn definition(definition: &RoleDefinition, subscription: &str) -> Value {
    json!({
        "assignableScopes": definition.assignable_scopes,
        "createdBy": null,
        "createdOn": null,
        "description": definition.description,
        "id": definition_id(subscription, &definition.id),
        "name": definition.id,
        "permissions": [{
            "actions": definition.actions,
            "condition": null,
            "conditionVersion": null,
            "dataActions": definition.data_actions,
            "notActions": definition.not_actions,
            "notDataActions": definition.not_data_actions,
        }],
        "roleName": definition.name,
        "roleType": if definition.custom { "CustomRole" } else { "BuiltInRole" },
        "type": "Microsoft.Authorization/roleDefinitions",
        "updatedBy": null,
        "updatedOn": null,
    })
}
