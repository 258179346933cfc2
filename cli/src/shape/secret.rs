//! Secrets.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::Secret;

use super::{base_id, deletion, managed, moment, tags, text};
use crate::{
    error::{Error, Result},
    output::Columns,
    time,
};

/// `-o table` of secrets, as az has it.
pub const SECRET_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Id", "/id"),
    ("ContentType", "/contentType"),
    ("Enabled", "/attributes/enabled"),
    ("Expires", "/attributes/expires"),
];

/// `-o table` of one secret.
pub const ONE_SECRET_COLUMNS: Columns =
    &[("Name", "/name"), ("Value", "/value"), ("ContentType", "/contentType"), ("Enabled", "/attributes/enabled")];

/// What all have: with the identifier of the version, or of the secret.
fn properties(secret: &Secret, id: &str) -> Value {
    json!({
        "attributes": {
            "created": time::print(secret.created),
            "enabled": secret.enabled,
            "expires": moment(secret.expires),
            "notBefore": moment(secret.not_before),
            "recoverableDays": secret.recoverable_days,
            "recoveryLevel": text(&secret.recovery_level),
            "updated": time::print(secret.updated),
        },
        "contentType": text(&secret.content_type),
        "id": id,
        "managed": managed(secret.managed),
        "name": secret.name,
        "tags": tags(&secret.tags),
    })
}

fn with_value(secret: &Secret, value: Value) -> Value {
    let mut shown = properties(secret, &secret.id);
    if let Some(members) = shown.as_object_mut() {
        members.insert("kid".to_owned(), text(&secret.kid));
        members.insert("value".to_owned(), value);
    }
    deletion(&mut shown, secret.deleted, secret.scheduled_purge, base_id(&secret.id, &secret.version), "secrets");
    shown
}

/// `secret set` and `show`.
pub fn secret(secret: &Secret) -> Result<Value> {
    let value = std::str::from_utf8(&secret.value).map_err(|_| {
        Error::local("the secret's value is not a text").fix("softkeep keyvault secret download --file FILE writes it")
    })?;
    Ok(with_value(secret, value.into()))
}

/// `secret set-attributes`, `recover`, `restore`; and, with its dates, `delete` and `show-deleted`.
pub fn secret_without_value(secret: &Secret) -> Value {
    with_value(secret, Value::Null)
}

/// An item of `secret list` (named without its version) or, `versioned`, of `list-versions`; with its dates if it is
/// deleted.
pub fn secret_item(secret: &Secret, versioned: bool) -> Value {
    let base = base_id(&secret.id, &secret.version);
    let mut shown = properties(secret, if versioned { &secret.id } else { base });
    deletion(&mut shown, secret.deleted, secret.scheduled_purge, base, "secrets");
    shown
}
