//! Shows a deleted certificate.

use super::{
    Audited, Operation,
    new_certificate::{CertificateView, find_deleted},
};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct GetDeletedCertificate {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for GetDeletedCertificate {
    const NAME: &'static str = "certificate.get-deleted";
    const PERMISSION: Permission = Permission::GetCertificate;
    const AUDITED: Audited = Audited::Read;
    type Reply = CertificateView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<CertificateView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let certificate = find_deleted(vault, &operation.name)?;
        Ok(CertificateView::of(vault, certificate, certificate.current()))
    }
}
