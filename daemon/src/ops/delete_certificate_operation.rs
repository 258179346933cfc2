//! Forgets the newest operation of a certificate; one that is in progress is given up, its key goes away, and so does a certificate
//! that never had a version.

use super::{
    Audited, Operation,
    issue_certificate::OperationView,
    new_certificate::{self, unfinished_key_rows},
};
use crate::{
    error::{Error, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{CertificateRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct DeleteCertificateOperation {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for DeleteCertificateOperation {
    const NAME: &'static str = "certificate.delete-operation";
    const PERMISSION: Permission = Permission::DeleteCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = OperationView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<OperationView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        let shown = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let certificate = new_certificate::find(vault, &operation.name)?;
            let shown = OperationView::find(vault, &operation.name)?;
            let mut entries = unfinished_key_rows(vault, &certificate.record)?;
            let row = row::certificate(id, &operation.name.to_ascii_lowercase());
            entries.push(match certificate.record.current.is_empty() {
                true => Entry::delete(row),
                false => Entry::put(row, &CertificateRecord { pending: None, ..(*certificate.record).clone() }),
            });
            Ok((entries, shown))
        })?;
        // A key that is given up does not stay behind in the store's files.
        keys.scrub()?;
        Ok(shown)
    }
}
