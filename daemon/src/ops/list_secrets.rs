//! Lists the current version of each secret of a vault, by name, without values: those that are there, or those that are deleted.

use super::{Audited, Operation, get_secret::SecretView, list_keys::Page};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which vault, which page.
pub struct ListSecrets {
    /// The vault.
    pub vault: VaultName,
    /// Names after this one; empty for the first page.
    pub after: String,
    /// Secrets on a page.
    pub limit: usize,
    /// Those that are deleted, instead of those that are not.
    pub deleted: bool,
}

impl Operation for ListSecrets {
    const NAME: &'static str = "secret.list";
    const PERMISSION: Permission = Permission::ListSecrets;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<SecretView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<SecretView>> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let mut items = Vec::new();
        let mut last = None;
        for (name, secret) in vault.secrets.after(&operation.after) {
            let wanted = secret.record.deleted.is_some() == operation.deleted;
            let Some(version) = secret.current().filter(|_| wanted) else { continue };
            if items.len() == operation.limit {
                return Ok(Page { items, next: last });
            }
            items.push(SecretView::of(vault, secret, version));
            last = Some(name.clone());
        }
        Ok(Page { items, next: None })
    }
}
