//! Lists the current version of each key of a vault, by name.

use super::{Audited, Operation, get_key::KeyView};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A page of a list.
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` on the last.
    pub next: Option<String>,
}

/// Which vault, which page.
pub struct ListKeys {
    /// The vault.
    pub vault: VaultName,
    /// Names after this one; empty for the first page.
    pub after: String,
    /// Keys on a page.
    pub limit: usize,
}

impl Operation for ListKeys {
    const NAME: &'static str = "key.list";
    const PERMISSION: Permission = Permission::List;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<KeyView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<KeyView>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let id = grant.vault()?.id;
        let operation = grant.operation();
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let from = if operation.after.is_empty() { Unbounded } else { Excluded(operation.after.clone()) };
        let mut items = Vec::new();
        let mut last = None;
        for (name, key) in vault.keys.range::<String, _>((from, Unbounded)) {
            let Some(version) = key.current().filter(|_| key.record.deleted.is_none()) else { continue };
            if items.len() == operation.limit {
                return Ok(Page { items, next: last });
            }
            items.push(KeyView { vault: vault.record.clone(), key: key.record.clone(), version: version.clone() });
            last = Some(name.clone());
        }
        Ok(Page { items, next: None })
    }
}
