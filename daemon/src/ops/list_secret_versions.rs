//! Lists the versions of one secret, oldest first, without values.

use super::{Audited, Operation, get_secret::SecretView, list_keys::Page};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which secret, which page.
pub struct ListSecretVersions {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
    /// Versions after this one; empty for the first page.
    pub after: String,
    /// Versions on a page.
    pub limit: usize,
}

impl Operation for ListSecretVersions {
    const NAME: &'static str = "secret.list-versions";
    const PERMISSION: Permission = Permission::ListSecrets;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<SecretView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<SecretView>> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let secret = vault.secrets.get(&operation.name).ok_or_else(|| Error::secret_not_found(&operation.name))?;
        let foreign = || Error::new(ErrorCode::InvalidArgument, "the page token is not of this list");
        let from = match operation.after.as_str() {
            "" => 0,
            after => {
                let after = Id::parse(after).map_err(|_| foreign())?;
                1 + secret.versions.iter().position(|version| version.id == after.0).ok_or_else(foreign)?
            }
        };
        let rest = secret.versions.get(from..).unwrap_or_default();
        let page = rest.get(..operation.limit).unwrap_or(rest);
        let last = page.last().filter(|_| page.len() < rest.len());
        let next = last.map(|version| Id::from_bytes(&version.id).map(|id| id.to_string())).transpose()?;
        Ok(Page { items: page.iter().map(|version| SecretView::of(vault, secret, version)).collect(), next })
    }
}
