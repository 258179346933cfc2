//! Resource groups.

use serde_json::{Value, json};
use softkeep_proto::v1::Group;

use super::tags;
use crate::output::Columns;

/// `-o table` of groups.
pub const GROUP_COLUMNS: Columns =
    &[("Name", "/name"), ("Location", "/location"), ("Status", "/properties/provisioningState")];

/// The path of a group.
pub fn group_id(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}")
}

/// `group create`, `show`, `update`, an item of `list`.
pub fn group(group: &Group) -> Value {
    json!({
        "id": group_id(&group.subscription_id, &group.name),
        "location": group.location,
        "managedBy": null,
        "name": group.name,
        "properties": { "provisioningState": "Succeeded" },
        "tags": tags(&group.tags),
        "type": "Microsoft.Resources/resourceGroups",
    })
}
