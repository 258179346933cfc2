//! Key Vault identifiers: `https://VAULT.suffix/keys/NAME[/VERSION]`. The host's suffix is not looked at: the endpoint
//! decides who is asked.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};

/// What an identifier names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The host's first label.
    pub vault: String,
    /// The key, unless only the vault is named.
    pub name: Option<String>,
    /// 32 lower-case hex digits; absent means the current version.
    pub version: Option<String>,
}

impl Identifier {
    /// Reads an identifier. A slash at the end and a port are fine.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("--id '{text}': {why}")).fix("an id looks like https://VAULT.suffix/keys/NAME/VERSION")
        };
        let rest = text
            .get(..8)
            .filter(|scheme| scheme.eq_ignore_ascii_case("https://"))
            .and_then(|_| text.get(8..))
            .ok_or_else(|| wrong("does not begin with https://"))?;
        let mut parts = rest.trim_end_matches('/').split('/');
        let host = parts.next().unwrap_or_default();
        let vault = host.split(['.', ':']).next().unwrap_or_default();
        if vault.is_empty() || !vault.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(wrong("has no vault name"));
        }
        let collection = parts.next();
        let name = parts.next().map(str::to_owned);
        let version = parts.next().map(str::to_ascii_lowercase);
        if parts.next().is_some() {
            return Err(wrong("has too many parts"));
        }
        match (collection, &name) {
            (None, _) => {}
            (Some("keys" | "key"), Some(name)) if !name.is_empty() => {}
            (Some("keys" | "key"), _) => return Err(wrong("has no key name")),
            (Some(_), _) => return Err(wrong("is not the id of a key")),
        }
        if let Some(version) = &version
            && (version.len() != 32 || !version.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(wrong("the version is not 32 hex digits"));
        }
        Ok(Self { vault: vault.to_owned(), name, version })
    }
}
