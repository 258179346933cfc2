//! The JSON that `az` prints, from our messages: one file for each kind of thing. Names and nulls are az's; nothing is
//! left out because it is empty. What several files use is here.

pub mod account;
pub mod certificate;
pub mod group;
pub mod key;
pub mod principal;
pub mod role;
pub mod secret;
pub mod token;
pub mod vault;

use std::collections::HashMap;

use serde_json::{Value, json};

pub use self::{
    key::{DELETED_COLUMNS, KEY_COLUMNS, ONE_KEY_COLUMNS, deleted_key_item, key, key_item},
    token::{status, token},
    vault::{VAULT_COLUMNS, vault, vault_item},
};
use crate::{encoding::base64, time};

/// Unix seconds as az prints them, or null.
pub fn moment(seconds: Option<i64>) -> Value {
    seconds.map_or(Value::Null, |seconds| time::print(seconds).into())
}

/// A text, or null for an empty one.
pub fn text(value: &str) -> Value {
    if value.is_empty() { Value::Null } else { value.into() }
}

/// Bytes in base64, or null.
pub fn number(bytes: &[u8]) -> Value {
    if bytes.is_empty() { Value::Null } else { base64(bytes).into() }
}

/// Key Vault leaves absent tags out, which az prints as null.
pub fn tags(tags: &HashMap<String, String>) -> Value {
    if tags.is_empty() { Value::Null } else { json!(tags) }
}

/// az's `managed`: true, or null.
pub fn managed(managed: bool) -> Value {
    if managed { true.into() } else { Value::Null }
}

/// An identifier without its version.
pub fn base_id<'a>(id: &'a str, version: &str) -> &'a str {
    id.strip_suffix(version).filter(|_| !version.is_empty()).map_or(id, |base| base.trim_end_matches('/'))
}

/// The three members that something deleted has more.
pub fn deletion(value: &mut Value, deleted: Option<i64>, purge: Option<i64>, id: &str, collection: &str) {
    if let (Some(deleted), Some(members)) = (deleted, value.as_object_mut()) {
        let gone = id.replacen(&format!("/{collection}/"), &format!("/deleted{collection}/"), 1);
        members.insert("deletedDate".to_owned(), time::print(deleted).into());
        members.insert("recoveryId".to_owned(), gone.into());
        members.insert("scheduledPurgeDate".to_owned(), moment(purge));
    }
}
