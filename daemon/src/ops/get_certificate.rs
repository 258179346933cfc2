//! Shows a version of a certificate. A disabled one is shown too: what it says is public.

use super::{Audited, Operation, new_certificate::CertificateView};
use crate::{
    error::{Error, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which version.
pub struct GetCertificate {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
    /// The version; none means the current one.
    pub version: Option<Id>,
}

impl Operation for GetCertificate {
    const NAME: &'static str = "certificate.get";
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
        CertificateView::find(vault, &operation.name, operation.version)
    }
}
