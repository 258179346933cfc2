//! A role as az takes it: its members begin with a capital or not, and a role that was printed can be given back.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use softkeep_proto::v1::RoleDefinition;

use crate::{
    error::{Error, Result},
    input::text_or_file,
};

const FORM: &str = r#"--role-definition '{"Name": "...", "Description": "...", "DataActions": ["..."], "AssignableScopes": ["/subscriptions/..."]}'"#;

/// Reads a role from JSON or, with `@`, from a file.
pub fn read(text: &str) -> Result<RoleDefinition> {
    let wrong = |why: &str| Error::usage(format!("--role-definition {why}")).fix(FORM);
    let json: Value =
        serde_json::from_str(&text_or_file("--role-definition", text)?).map_err(|_| wrong("is not JSON"))?;
    let members = json.as_object().ok_or_else(|| wrong("is not a JSON object"))?;
    // What `show` prints has the lists one level deeper, and its GUID in `name`.
    let printed = member(members, "roleName").is_some();
    let inner = member(members, "permissions").and_then(|list| list.get(0)).and_then(Value::as_object);
    let lists = inner.unwrap_or(members);
    let text = |name: &str| member(members, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |from: &Map<String, Value>, name: &str| -> Result<Vec<String>> {
        match member(from, name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| wrong(&format!("has something else than texts in {name}")))
                })
                .collect(),
            Some(_) => Err(wrong(&format!("has no list in {name}"))),
        }
    };
    let (id, name) = if printed { (text("name"), text("roleName")) } else { (text("id"), text("name")) };
    if name.is_empty() {
        return Err(wrong("has no Name"));
    }
    Ok(RoleDefinition {
        id: id.rsplit('/').next().unwrap_or_default().to_owned(),
        name,
        description: text("description"),
        custom: true,
        actions: list(lists, "actions")?,
        not_actions: list(lists, "notActions")?,
        data_actions: list(lists, "dataActions")?,
        not_data_actions: list(lists, "notDataActions")?,
        assignable_scopes: list(members, "assignableScopes")?,
    })
}

/// A member, whichever way it begins.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
