//! Changes attributes of one version of a certificate, which its key and its secret share; and what the next version is to be.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::v1;

use super::{
    Audited, Operation, certificate_policy,
    new_certificate::{self, CertificateView},
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        ledger::Entry,
        record::{
            CertificatePolicyRecord, CertificateRecord, CertificateVersionRecord, SecretVersionRecord, VersionRecord,
            row,
        },
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// What is to be changed: of each, nothing, or to what.
pub struct UpdateCertificate {
    vault: VaultName,
    name: String,
    version: Option<Id>,
    enabled: Option<bool>,
    tags: Option<BTreeMap<String, String>>,
    policy: Option<CertificatePolicyRecord>,
}

impl UpdateCertificate {
    /// Checks what the caller asks for. Without a mask, what the request has is changed.
    pub fn parse(vault: VaultName, request: v1::UpdateCertificateRequest) -> Result<Self> {
        let version = new_certificate::parse_version(&request.name, &request.version)?;
        let (enabled, tags) = new_certificate::attributes(request.attributes)?;
        let policy = request.policy.map(certificate_policy::parse).transpose()?;
        let mut change = Self { vault, name: request.name, version, enabled: None, tags: None, policy: None };
        let Some(mask) = request.update_mask.filter(|mask| !mask.paths.is_empty()) else {
            return Ok(Self { enabled, tags: Some(tags).filter(|tags| !tags.is_empty()), policy, ..change });
        };
        for path in &mask.paths {
            match path.as_str() {
                "enabled" => change.enabled = Some(enabled.unwrap_or(true)),
                "tags" => change.tags = Some(tags.clone()),
                "policy" if policy.is_some() => change.policy.clone_from(&policy),
                unknown => {
                    let why = format!("the mask names '{unknown}', which a certificate has not, or not to be changed");
                    return Err(Error::new(ErrorCode::InvalidArgument, why));
                }
            }
        }
        Ok(change)
    }

    /// The rows of the version, its key and its secret.
    fn version_rows(&self, vault: &Vault, version: &CertificateVersionRecord, now: i64) -> Result<Vec<Entry>> {
        let id = Id::from_bytes(&version.id)?;
        let enabled = version.enabled;
        let tags = &version.tags;
        let mut entries = vec![Entry::put(row::certificate_version(vault.id, id), version)];
        if let Some(key) = vault.version(id) {
            let record = VersionRecord { enabled, tags: tags.clone(), updated: now, ..key.record.clone() };
            entries.push(Entry::put(row::version(vault.id, id), &record));
        }
        if let Some(secret) = vault.secrets.get(&self.name).and_then(|secret| secret.version(&version.id)) {
            let record = SecretVersionRecord { enabled, tags: tags.clone(), updated: now, ..(**secret).clone() };
            entries.push(Entry::put(row::secret_version(vault.id, id), &record));
        }
        Ok(entries)
    }
}

impl Operation for UpdateCertificate {
    const NAME: &'static str = "certificate.update";
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
            let mut shown = CertificateView::find(vault, &operation.name, operation.version)?;
            let now = clock::now_seconds();
            let mut entries = Vec::new();
            if operation.enabled.is_some() || operation.tags.is_some() {
                let version = shown.version.ok_or_else(|| Error::certificate_not_found(&operation.name))?;
                let version = CertificateVersionRecord {
                    enabled: operation.enabled.unwrap_or(version.enabled),
                    tags: operation.tags.clone().unwrap_or_else(|| version.tags.clone()),
                    updated: now,
                    ..(*version).clone()
                };
                entries.extend(operation.version_rows(vault, &version, now)?);
                shown.version = Some(Arc::new(version));
            }
            if let Some(policy) = &operation.policy {
                let created = shown.certificate.policy.as_ref().map_or(policy.created, |old| old.created);
                let policy = CertificatePolicyRecord { created, ..policy.clone() };
                let record = CertificateRecord { policy: Some(policy), ..(*shown.certificate).clone() };
                entries.push(Entry::put(row::certificate(id, &operation.name.to_ascii_lowercase()), &record));
                shown.certificate = Arc::new(record);
            }
            Ok((entries, shown))
        })
    }
}
