//! Changes what the versions to come of a certificate are to be. Those that are there stay as they are.

use softkeep_proto::v1;

use super::{
    Audited, Operation, certificate_policy,
    new_certificate::{self, CertificateView},
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{CertificatePolicyRecord, CertificateRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// What is to be, of which certificate.
pub struct SetCertificatePolicy {
    /// The vault.
    vault: VaultName,
    /// The certificate.
    name: String,
    policy: CertificatePolicyRecord,
}

impl SetCertificatePolicy {
    /// Checks the policy.
    pub fn parse(vault: VaultName, name: String, policy: Option<v1::CertificatePolicy>) -> Result<Self> {
        let policy =
            policy.ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "there is no policy in the request"))?;
        Ok(Self { vault, name, policy: certificate_policy::parse(policy)? })
    }
}

impl Operation for SetCertificatePolicy {
    const NAME: &'static str = "certificate.set-policy";
    const PERMISSION: Permission = Permission::UpdateCertificate;
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
            let certificate = new_certificate::find(vault, &operation.name)?;
            let old = certificate.record.policy.as_ref();
            let created = old.map_or(operation.policy.created, |old| old.created);
            let policy = CertificatePolicyRecord { created, ..operation.policy.clone() };
            let record = CertificateRecord { policy: Some(policy), ..(*certificate.record).clone() };
            let shown = CertificateView::of(vault, certificate, certificate.current());
            let entry = Entry::put(row::certificate(id, &operation.name.to_ascii_lowercase()), &record);
            Ok((vec![entry], CertificateView { certificate: record.into(), ..shown }))
        })
    }
}
