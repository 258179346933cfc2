//! Completes a request with the certificate that somebody issued for it.

use std::collections::BTreeMap;

use softkeep_proto::v1;

use super::{
    Audited, Operation,
    issue_certificate::OperationView,
    new_certificate::{self, COMPLETED, CertificateKey, CertificateView, IN_PROGRESS, NewCertificate},
};
use crate::{
    crypto::{
        pem,
        x509::{Read, read},
    },
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        record::{CertificateRecord, PendingRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, CertificateKeys, Permission, Place, VaultName},
    workers::Lane,
};

/// The certificate and its issuers.
const MAX_CHAIN: usize = 20;

/// What was issued, for which certificate.
pub struct MergeCertificate {
    vault: VaultName,
    name: String,
    certificates: Vec<Vec<u8>>,
    enabled: Option<bool>,
    tags: BTreeMap<String, String>,
}

impl MergeCertificate {
    /// Checks what can be checked before anything is read.
    pub fn parse(vault: VaultName, request: v1::MergeCertificateRequest) -> Result<Self> {
        let (enabled, tags) = new_certificate::attributes(request.attributes)?;
        if request.certificates.is_empty() || request.certificates.len() > MAX_CHAIN {
            let why = format!("a merge takes 1 to {MAX_CHAIN} certificates");
            return Err(Error::new(ErrorCode::CertificateInvalid, why));
        }
        Ok(Self { vault, name: request.name, certificates: request.certificates, enabled, tags })
    }

    /// The certificates, each DER or any number in a PEM.
    fn read(&self) -> Result<Vec<Read>> {
        let mut all = Vec::new();
        for file in &self.certificates {
            let ders = if pem::is_pem(file) { pem::certificates(file)? } else { vec![file.clone()] };
            all.extend(ders);
        }
        if all.is_empty() || all.len() > MAX_CHAIN {
            let why = format!("a merge takes 1 to {MAX_CHAIN} certificates");
            return Err(Error::new(ErrorCode::CertificateInvalid, why));
        }
        all.iter().map(|der| Read::parse(der)).collect()
    }
}

impl Operation for MergeCertificate {
    const NAME: &'static str = "certificate.merge";
    const PERMISSION: Permission = Permission::CreateCertificate;
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
        let pending = {
            let view = keys.catalog.view();
            Waiting::find(view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?, &operation.name)?
        };
        let public = pending.key.public()?;
        let mut all = operation.read()?;
        let own = all.iter().position(|read| read.is_for(public)).ok_or_else(|| {
            let why = "the certificate is not for the key of the request; merge what was issued for this very request";
            Error::new(ErrorCode::CertificateInvalid, why)
        })?;
        let own = all.remove(own);
        let chain: Vec<_> = read::order(&own, all).into_iter().map(|read| read.der).collect();
        let material = keys.certificate_key(&grant, &pending.key)?;
        keys.write(|counters| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let now = Waiting::find(vault, &operation.name)?;
            if now.operation.version != pending.operation.version {
                return Err(Error::new(ErrorCode::Conflict, "another operation was begun meanwhile"));
            }
            let damaged = || Error::new(ErrorCode::RecordDamaged, "the certificate has no policy");
            let finished = PendingRecord { status: COMPLETED.into(), ..now.operation.clone() };
            let tags = if operation.tags.is_empty() { &now.operation.tags } else { &operation.tags };
            let policy = now.record.policy.clone().ok_or_else(damaged)?;
            let new = NewCertificate {
                name: now.record.name.clone(),
                version: now.key.id,
                // The policy may have been changed since the key was made as one that stays.
                exportable: policy.exportable && now.operation.exportable,
                policy,
                read: own,
                chain,
                enabled: operation.enabled.unwrap_or(!now.operation.disabled),
                tags: tags.clone(),
                request_id: now.operation.request_id.clone(),
                pending: Some(finished),
            };
            let entries = new.entries(keys, vault, counters, CertificateKey::Pending(now.key), material)?;
            Ok((entries, ()))
        })?;
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        CertificateView::find(vault, &operation.name, Some(pending.key.id))
    }
}

impl CertificateKeys for MergeCertificate {
    fn certificate_name(&self) -> &str {
        &self.name
    }
}

/// An operation that waits for its certificate.
struct Waiting {
    record: std::sync::Arc<CertificateRecord>,
    operation: PendingRecord,
    key: std::sync::Arc<Version>,
}

impl Waiting {
    fn find(vault: &Vault, name: &str) -> Result<Self> {
        let record = new_certificate::find(vault, name)?.record.clone();
        let operation = OperationView::find(vault, name)?.pending;
        if operation.status != IN_PROGRESS {
            let why =
                format!("the operation of the certificate '{name}' is {}, and waits for nothing", operation.status);
            return Err(Error::new(ErrorCode::Conflict, why));
        }
        let key = vault.version(Id::from_bytes(&operation.version)?).cloned();
        let key = key.ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the key of the request is damaged"))?;
        Ok(Self { record, operation, key })
    }
}
