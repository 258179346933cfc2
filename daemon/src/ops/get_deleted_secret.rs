//! Shows a deleted secret, without its value.

use super::{Audited, Operation, get_secret::SecretView};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::{Vault, Version},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which secret.
pub struct GetDeletedSecret {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
}

/// A deleted secret of a vault that can be recovered. One whose current version is gone is being purged or restored right now.
pub fn find(vault: &Vault, name: &str) -> Result<SecretView> {
    let not_found = || Error::new(ErrorCode::SecretNotFound, format!("no deleted secret '{name}'"));
    let secret = vault.secrets.get_deleted(name).ok_or_else(not_found)?;
    let version = secret.current().ok_or_else(not_found)?;
    Ok(SecretView::of(vault, secret, version))
}

/// Refuses to change by itself what a certificate has made.
pub fn check_own(view: &SecretView) -> Result<()> {
    if !view.secret.managed {
        return Ok(());
    }
    let why = format!("the secret '{}' belongs to the certificate of that name", view.secret.name);
    Err(Error::new(ErrorCode::ManagedObject, why))
}

impl Operation for GetDeletedSecret {
    const NAME: &'static str = "secret.get-deleted";
    const PERMISSION: Permission = Permission::GetSecret;
    const AUDITED: Audited = Audited::Read;
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let id = grant.vault()?.id;
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        find(vault, &grant.operation().name)
    }
}
