//! Key Vault identifiers: `https://VAULT.suffix/COLLECTION/NAME[/VERSION]`. The host's suffix is not looked at: the
//! endpoint decides who is asked.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};

/// A vault's collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Collection {
    Keys,
    Secrets,
    Certificates,
}

impl Collection {
    /// All of them.
    const ALL: [Collection; 3] = [Collection::Keys, Collection::Secrets, Collection::Certificates];

    /// As identifiers have it.
    pub const fn name(self) -> &'static str {
        match self {
            Collection::Keys => "keys",
            Collection::Secrets => "secrets",
            Collection::Certificates => "certificates",
        }
    }

    /// What is in it.
    pub const fn noun(self) -> &'static str {
        match self {
            Collection::Keys => "key",
            Collection::Secrets => "secret",
            Collection::Certificates => "certificate",
        }
    }

    /// The collection of a part of an identifier: also `deletedkeys`, which are the keys that were, and `key`, a usual
    /// slip.
    fn of(part: &str) -> Option<Self> {
        let part = part.to_ascii_lowercase();
        let part = part.strip_prefix("deleted").unwrap_or(&part);
        Self::ALL.into_iter().find(|collection| collection.name() == part || collection.noun() == part)
    }
}

/// What an identifier names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The host's first label.
    pub vault: String,
    /// What kind of thing, unless only the vault is named.
    pub collection: Option<Collection>,
    /// Its name, unless only the vault or a collection is named.
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
        let collection = match parts.next() {
            None => None,
            Some(part) => {
                Some(Collection::of(part).ok_or_else(|| wrong("is not the id of a key, secret or certificate"))?)
            }
        };
        let name = parts.next().map(str::to_owned);
        let version = parts.next().map(str::to_ascii_lowercase);
        if parts.next().is_some() {
            return Err(wrong("has too many parts"));
        }
        if name.as_deref() == Some("") {
            return Err(wrong("has no name"));
        }
        if let Some(version) = &version
            && (version.len() != 32 || !version.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(wrong("the version is not 32 hex digits"));
        }
        Ok(Self { vault: vault.to_owned(), collection, name, version })
    }
}
