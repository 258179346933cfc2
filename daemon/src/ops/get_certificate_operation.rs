//! Shows the newest operation of a certificate.

use super::{Audited, Operation, issue_certificate::OperationView};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct GetCertificateOperation {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for GetCertificateOperation {
    const NAME: &'static str = "certificate.get-operation";
    const PERMISSION: Permission = Permission::GetCertificate;
    const AUDITED: Audited = Audited::Read;
    type Reply = OperationView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<OperationView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        OperationView::find(vault, &operation.name)
    }
}
