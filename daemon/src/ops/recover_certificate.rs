//! Brings a deleted certificate back, with its key and its secret.

use super::{
    Audited, Operation,
    new_certificate::{CertificateView, find_deleted, mark_deleted},
};
use crate::{
    error::{Error, Result},
    keys::{catalog::Version, record::CertificateRecord},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct RecoverCertificate {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for RecoverCertificate {
    const NAME: &'static str = "certificate.recover";
    const PERMISSION: Permission = Permission::RecoverCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = CertificateView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<CertificateView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let certificate = find_deleted(vault, &operation.name)?;
            let record = CertificateRecord { deleted: None, scheduled_purge: None, ..(*certificate.record).clone() };
            let shown = CertificateView::of(vault, certificate, certificate.current());
            let entries = mark_deleted(vault, &operation.name, None, None);
            Ok((entries, CertificateView { certificate: record.into(), ..shown }))
        })
    }
}
