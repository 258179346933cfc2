//! Lists the deleted keys of a vault that can still be recovered, by name.

use super::{Audited, Operation, get_key::KeyView, list_keys::Page};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which vault, which page.
pub struct ListDeletedKeys {
    /// The vault.
    pub vault: VaultName,
    /// Names after this one; empty for the first page.
    pub after: String,
    /// Keys on a page.
    pub limit: usize,
}

impl Operation for ListDeletedKeys {
    const NAME: &'static str = "key.list-deleted";
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
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let from = if operation.after.is_empty() { Unbounded } else { Excluded(operation.after.clone()) };
        let (mut items, mut last) = (Vec::new(), None);
        for (name, key) in vault.keys.range::<String, _>((from, Unbounded)) {
            let Some(version) = key.current().filter(|_| key.record.deleted.is_some()) else { continue };
            if items.len() == operation.limit {
                return Ok(Page { items, next: last });
            }
            items.push(KeyView { vault: vault.record.clone(), key: key.record.clone(), version: version.clone() });
            last = Some(name.clone());
        }
        Ok(Page { items, next: None })
    }
}
