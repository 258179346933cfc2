//! Certificates, operations, issuers and contacts as `softkeep.v1` shows them.

use softkeep_proto::{algorithm::Hash, v1};

use super::super::identifiers::{recovery_level, vault_uri, version_id};
use crate::{
    crypto::{self, x509::Read},
    id::Id,
    keys::record::{CertificatePolicyRecord, VaultRecord},
    ops::{
        get_issuer::IssuerView, issue_certificate::OperationView, list_keys::Page, new_certificate::CertificateView,
    },
};

pub(super) fn page(page: &Page<CertificateView>) -> v1::ListCertificatesReply {
    v1::ListCertificatesReply {
        certificates: page.items.iter().map(show).collect(),
        next_page_token: page.next.clone().unwrap_or_default(),
    }
}

pub(super) fn show(view: &CertificateView) -> v1::Certificate {
    let (vault, record) = (&view.vault, &view.certificate);
    // Before the first version is complete, the one that is being made is shown, disabled.
    let waiting = || record.pending.as_ref().map(|pending| pending.version.clone()).unwrap_or_default();
    let version = view.version.as_ref().map_or_else(waiting, |version| version.id.clone());
    let id = Id::from_bytes(&version).unwrap_or_default();
    let identifier = |collection| version_id(&vault.name, collection, &record.name, id);
    let mut shown = v1::Certificate {
        vault: vault.name.clone(),
        name: record.name.clone(),
        version: id.to_string(),
        id: identifier("certificates"),
        kid: identifier("keys"),
        sid: identifier("secrets"),
        created: record.created,
        updated: record.created,
        recovery_level: recovery_level(vault).into(),
        recoverable_days: vault.soft_delete_retention_days,
        deleted: record.deleted,
        scheduled_purge: record.scheduled_purge,
        policy: record.policy.as_ref().map(|policy| show_policy(vault, &record.name, policy)),
        ..v1::Certificate::default()
    };
    let Some(version) = &view.version else { return shown };
    shown.cer.clone_from(&version.der);
    shown.chain.clone_from(&version.chain);
    shown.thumbprint = crypto::digest(Hash::Sha1, &version.der);
    shown.content_type.clone_from(&version.content_type);
    shown.enabled = version.enabled;
    (shown.created, shown.updated) = (version.created, version.updated);
    shown.tags = version.tags.clone().into_iter().collect();
    (shown.not_before, shown.expires) = (Some(version.not_before), Some(version.not_after));
    shown.subject = Read::parse(&version.der).map(|read| read.subject).unwrap_or_default();
    shown
}

pub(super) fn policy_of(view: &CertificateView) -> v1::CertificatePolicy {
    let policy = view.certificate.policy.as_ref();
    policy.map(|policy| show_policy(&view.vault, &view.certificate.name, policy)).unwrap_or_default()
}

fn show_policy(vault: &VaultRecord, name: &str, policy: &CertificatePolicyRecord) -> v1::CertificatePolicy {
    let policy = policy.clone();
    let action = |action: crate::keys::record::LifetimeActionRecord| v1::CertificateLifetimeAction {
        action: action.action,
        days_before_expiry: action.days_before_expiry,
        lifetime_percentage: action.lifetime_percentage,
    };
    v1::CertificatePolicy {
        id: format!("{}/certificates/{name}/policy", vault_uri(&vault.name)),
        issuer: policy.issuer,
        certificate_type: policy.certificate_type,
        certificate_transparency: policy.certificate_transparency,
        exportable: policy.exportable,
        kty: policy.kty,
        key_size_bits: policy.key_size_bits,
        curve: policy.curve,
        reuse_key: policy.reuse_key,
        content_type: policy.content_type,
        subject: policy.subject,
        dns_names: policy.dns_names,
        emails: policy.emails,
        upns: policy.upns,
        uris: policy.uris,
        ip_addresses: policy.ip_addresses,
        extended_key_usages: policy.extended_key_usages,
        key_usages: policy.key_usages,
        validity_months: policy.validity_months,
        lifetime_actions: policy.lifetime_actions.into_iter().map(action).collect(),
        enabled: Some(policy.enabled),
        created: policy.created,
        updated: policy.updated,
        ca: policy.ca,
        path_length: policy.path_length,
    }
}

pub(super) fn operation(view: &OperationView) -> v1::CertificateOperation {
    let (vault, pending) = (&view.vault.name, &view.pending);
    let completed = pending.status == crate::ops::new_certificate::COMPLETED;
    let hex = |id: &[u8]| Id::from_bytes(id).map(|id| id.to_string()).unwrap_or_default();
    let target = match Id::from_bytes(&pending.version) {
        Ok(id) if completed => version_id(vault, "certificates", &view.name, id),
        _ => String::new(),
    };
    v1::CertificateOperation {
        vault: vault.clone(),
        name: view.name.clone(),
        id: format!("{}/certificates/{}/pending", vault_uri(vault), view.name),
        issuer: pending.issuer.clone(),
        csr: pending.csr.clone(),
        status: pending.status.clone(),
        status_details: pending.status_details.clone(),
        cancellation_requested: pending.cancellation_requested,
        error_code: pending.error_code.clone(),
        error_message: pending.error_message.clone(),
        target,
        request_id: hex(&pending.operation),
    }
}

pub(super) fn issuer(view: &IssuerView) -> v1::Issuer {
    let record = &view.issuer;
    let admin = |admin: &crate::keys::record::IssuerAdminRecord| v1::IssuerAdmin {
        first_name: admin.first_name.clone(),
        last_name: admin.last_name.clone(),
        email: admin.email.clone(),
        phone: admin.phone.clone(),
    };
    v1::Issuer {
        vault: view.vault.name.clone(),
        name: record.name.clone(),
        id: format!("{}/certificates/issuers/{}", vault_uri(&view.vault.name), record.name),
        provider: record.provider.clone(),
        account_id: record.account_id.clone(),
        organization_id: record.organization_id.clone(),
        admins: record.admins.iter().map(admin).collect(),
        enabled: record.enabled,
        created: record.created,
        updated: record.updated,
    }
}

pub(super) fn contacts(vault: &VaultRecord) -> v1::Contacts {
    let contact = |contact: &crate::keys::record::ContactRecord| v1::Contact {
        email: contact.email.clone(),
        name: contact.name.clone(),
        phone: contact.phone.clone(),
    };
    v1::Contacts {
        vault: vault.name.clone(),
        contacts: vault.contacts.iter().map(contact).collect(),
        id: format!("{}/certificates/contacts", vault_uri(&vault.name)),
    }
}
