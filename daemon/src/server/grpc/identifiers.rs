//! The identifiers that Key Vault clients use, and what else the services show alike.

use crate::{id::Id, keys::record::VaultRecord};

/// The suffix of vault hosts in identifiers, until a Key Vault listener has one of its own.
const SUFFIX: &str = "vault.localhost";

/// `https://{vault}.{suffix}`, without a slash at the end.
pub fn vault_uri(vault: &str) -> String {
    format!("https://{}.{SUFFIX}", vault.to_ascii_lowercase())
}

/// The full identifier of a version; `collection` is "keys", "secrets" or "certificates".
pub fn version_id(vault: &str, collection: &str, name: &str, version: Id) -> String {
    format!("{}/{collection}/{name}/{version}", vault_uri(vault))
}

/// The full identifier of a key's version.
pub fn kid(vault: &str, key: &str, version: Id) -> String {
    version_id(vault, "keys", key, version)
}

/// A 16-byte identifier as Azure writes one: 8-4-4-4-12 hex digits.
pub fn guid(id: Id) -> String {
    id.guid()
}

/// What Key Vault calls the way back from a deletion in this vault.
pub fn recovery_level(vault: &VaultRecord) -> &'static str {
    match (vault.soft_delete_retention_days, vault.purge_protection) {
        (90, false) => "Recoverable+Purgeable",
        (90, true) => "Recoverable",
        (_, false) => "CustomizedRecoverable+Purgeable",
        (_, true) => "CustomizedRecoverable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_azure_writes_them() {
        let id = Id([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(guid(id), "00010203-0405-0607-0809-0a0b0c0d0eff");
        assert_eq!(kid("Contoso", "k", id), format!("https://contoso.vault.localhost/keys/k/{id}"));
    }
}
