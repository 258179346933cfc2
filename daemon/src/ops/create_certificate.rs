//! Begins a certificate, or its next version, by a policy. What this daemon can sign itself is complete at once.

use std::collections::BTreeMap;

use softkeep_proto::v1;

use super::{
    Audited, Operation, certificate_policy,
    issue_certificate::{self, OperationView, Order},
    names, new_certificate,
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::CertificatePolicyRecord},
    pipeline::Unsealed,
    policy::{Authorized, CertificateKeys, Permission, Place, VaultName},
    workers::Lane,
};

/// A certificate to be made.
pub struct CreateCertificate {
    vault: VaultName,
    name: String,
    policy: CertificatePolicyRecord,
    enabled: bool,
    tags: BTreeMap<String, String>,
    request_id: String,
}

impl CreateCertificate {
    /// Checks what the caller asks for.
    pub fn parse(vault: VaultName, request: v1::CreateCertificateRequest) -> Result<Self> {
        new_certificate::check_name(&request.name)?;
        names::check_request_id(&request.request_id)?;
        let (enabled, tags) = new_certificate::attributes(request.attributes)?;
        let policy = request.policy.ok_or_else(|| {
            Error::new(ErrorCode::InvalidArgument, "a certificate is made by a policy, and there is none")
        })?;
        let policy = certificate_policy::parse(policy)?;
        let enabled = enabled.unwrap_or(policy.enabled);
        Ok(Self { vault, name: request.name, policy, enabled, tags, request_id: request.request_id })
    }
}

impl Operation for CreateCertificate {
    const NAME: &'static str = "certificate.create";
    const PERMISSION: Permission = Permission::CreateCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = OperationView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<OperationView> {
        let operation = grant.operation();
        let order = Order {
            name: operation.name.clone(),
            policy: operation.policy.clone(),
            enabled: operation.enabled,
            tags: operation.tags.clone(),
            request_id: operation.request_id.clone(),
            renews: None,
        };
        issue_certificate::issue(&grant, rooms, order)
    }
}

impl CertificateKeys for CreateCertificate {
    fn certificate_name(&self) -> &str {
        &self.name
    }
}
