//! What may be a name, a tag, a request id. Checks only.

use std::collections::BTreeMap;

use softkeep_proto::limits::{
    MAX_KEY_NAME_LEN, MAX_REQUEST_ID_BYTES, MAX_TAG_BYTES, MAX_TAGS, MAX_VAULT_NAME_LEN, MIN_VAULT_NAME_LEN,
};

use crate::error::{Error, ErrorCode, Result};

/// Key Vault's rule: 3 to 24 letters, digits and hyphens, a letter first, no hyphen last, no two in a row.
pub fn check_vault_name(name: &str) -> Result<()> {
    let legal = (MIN_VAULT_NAME_LEN..=MAX_VAULT_NAME_LEN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--");
    if legal {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::InvalidArgument,
        "a vault name has 3 to 24 letters, digits and hyphens, begins with a letter, and has no hyphen last or twice in a row",
    ))
}

/// Key Vault's rule: 1 to 127 letters, digits and hyphens.
pub fn is_key_name(name: &str) -> bool {
    (1..=MAX_KEY_NAME_LEN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// [`is_key_name`], or why not.
pub fn check_key_name(name: &str) -> Result<()> {
    if is_key_name(name) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, "a key name has 1 to 127 letters, digits and hyphens"))
}

/// Key Vault's bounds for tags.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    let fits = |text: &String| text.len() <= MAX_TAG_BYTES;
    if tags.len() <= MAX_TAGS && tags.iter().all(|(name, value)| fits(name) && fits(value)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::InvalidArgument,
        format!("at most {MAX_TAGS} tags, each name and value up to {MAX_TAG_BYTES} bytes"),
    ))
}

/// Idempotency keys are short.
pub fn check_request_id(id: &str) -> Result<()> {
    if id.len() <= MAX_REQUEST_ID_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, format!("a request id has at most {MAX_REQUEST_ID_BYTES} bytes")))
}

/// The idempotency key of a module's request, as it is kept.
pub fn request_id(bytes: &[u8]) -> Result<String> {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    check_request_id(&text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vault_names() {
        for legal in ["dev", "a1-b", "ContosoKeyVault", "abcdefghijklmnopqrstuvwx"] {
            assert!(check_vault_name(legal).is_ok(), "{legal}");
        }
        for illegal in ["", "ab", "1ab", "-ab", "ab-", "a--b", "a_b", "a b", "ab:", "abcdefghijklmnopqrstuvwxy", "äbc"]
        {
            assert!(check_vault_name(illegal).is_err(), "{illegal}");
        }
    }

    #[test]
    fn key_names() {
        assert!(is_key_name("web-1") && is_key_name(&"a".repeat(127)));
        assert!(!is_key_name("") && !is_key_name(&"a".repeat(128)) && !is_key_name("a/b") && !is_key_name("a b"));
    }
}
