//! Lists the issuers of a vault, by name.

use super::{Audited, Operation, get_issuer::IssuerView, list_keys::Page};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which vault, which page.
pub struct ListIssuers {
    /// The vault.
    pub vault: VaultName,
    /// Names after this one; empty for the first page.
    pub after: String,
    /// Issuers on a page.
    pub limit: usize,
}

impl Operation for ListIssuers {
    const NAME: &'static str = "certificate.list-issuers";
    const PERMISSION: Permission = Permission::ListIssuers;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<IssuerView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<IssuerView>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let from = if operation.after.is_empty() { Unbounded } else { Excluded(operation.after.clone()) };
        let mut rest = vault.issuers.range::<String, _>((from, Unbounded)).peekable();
        let mut items = Vec::new();
        let mut last = None;
        while let Some((name, issuer)) = rest.next_if(|_| items.len() < operation.limit) {
            items.push(IssuerView { vault: vault.record.clone(), issuer: issuer.clone() });
            last = Some(name.clone());
        }
        Ok(Page { items, next: last.filter(|_| rest.peek().is_some()) })
    }
}
