//! Shows what the next version of a certificate is to be.

use super::{
    Audited, Operation,
    new_certificate::{self, CertificateView},
};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct GetCertificatePolicy {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for GetCertificatePolicy {
    const NAME: &'static str = "certificate.get-policy";
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
        let certificate = new_certificate::find(vault, &operation.name)?;
        Ok(CertificateView::of(vault, certificate, certificate.current()))
    }
}
