//! Lists all versions of one key, oldest first.

use super::{Audited, Operation, get_key::KeyView, list_keys::Page};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key, which page.
pub struct ListKeyVersions {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub name: String,
    /// The version id the page begins after; empty for the first.
    pub after: String,
    /// Versions on a page.
    pub limit: usize,
}

impl Operation for ListKeyVersions {
    const NAME: &'static str = "key.list-versions";
    const PERMISSION: Permission = Permission::List;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<KeyView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<KeyView>> {
        let id = grant.vault()?.id;
        let operation = grant.operation();
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let key = vault.key(&operation.name).ok_or_else(|| Error::key_not_found(&operation.name))?;
        let from = match operation.after.as_str() {
            "" => 0,
            after => {
                let place = key.versions.iter().position(|version| version.id.to_string() == after);
                1 + place.ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "the page token is not of this list"))?
            }
        };
        let rest = key.versions.get(from..).unwrap_or_default();
        let page = rest.get(..operation.limit).unwrap_or(rest);
        let next = (page.len() < rest.len()).then(|| page.last().map(|version| version.id.to_string())).flatten();
        let show = |version: &std::sync::Arc<Version>| KeyView {
            vault: vault.record.clone(),
            key: key.record.clone(),
            version: version.clone(),
        };
        Ok(Page { items: page.iter().map(show).collect(), next })
    }
}
