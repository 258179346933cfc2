//! Gives up a certificate that is being made: its key goes away. The operation stays to be seen.

use super::{
    Audited, Operation,
    issue_certificate::OperationView,
    new_certificate::{self, CANCELLED, IN_PROGRESS, unfinished_key_rows},
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{CertificateRecord, PendingRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct CancelCertificateOperation {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for CancelCertificateOperation {
    const NAME: &'static str = "certificate.cancel-operation";
    const PERMISSION: Permission = Permission::UpdateCertificate;
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
            if shown.pending.status != IN_PROGRESS {
                let why = format!("the operation of the certificate '{}' is {}", operation.name, shown.pending.status);
                return Err(Error::new(ErrorCode::Conflict, why));
            }
            let mut entries = unfinished_key_rows(vault, &certificate.record)?;
            let pending =
                PendingRecord { status: CANCELLED.into(), cancellation_requested: true, ..shown.pending.clone() };
            let record = CertificateRecord { pending: Some(pending.clone()), ..(*certificate.record).clone() };
            entries.push(Entry::put(row::certificate(id, &operation.name.to_ascii_lowercase()), &record));
            Ok((entries, OperationView { pending, ..shown }))
        })?;
        // A key that is given up does not stay behind in the store's files.
        keys.scrub()?;
        Ok(shown)
    }
}
