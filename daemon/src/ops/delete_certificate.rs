//! Soft-deletes a certificate with its key and its secret: refused everywhere from now on, the name taken until it is recovered or
//! purged.

use super::{
    Audited, Operation,
    new_certificate::{self, CertificateView, mark_deleted},
};
use crate::{
    clock,
    error::{Error, Result},
    keys::{catalog::Version, record::CertificateRecord},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Which certificate.
pub struct DeleteCertificate {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for DeleteCertificate {
    const NAME: &'static str = "certificate.delete";
    const PERMISSION: Permission = Permission::DeleteCertificate;
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
        let (shown, versions) = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let certificate = new_certificate::find(vault, &operation.name)?;
            let now = clock::now_seconds();
            let purge = now + SECONDS_PER_DAY * i64::from(vault.record.soft_delete_retention_days);
            let record =
                CertificateRecord { deleted: Some(now), scheduled_purge: Some(purge), ..(*certificate.record).clone() };
            let shown = CertificateView::of(vault, certificate, certificate.current());
            let versions: Vec<_> = vault
                .key(&operation.name)
                .map(|key| key.versions.iter().map(|version| version.id).collect())
                .unwrap_or_default();
            let entries = mark_deleted(vault, &operation.name, Some(now), Some(purge));
            Ok((entries, (CertificateView { certificate: record.into(), ..shown }, versions)))
        })?;
        versions.into_iter().for_each(|version| keys.forget(version));
        Ok(shown)
    }
}
