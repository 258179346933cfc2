//! Certificates, their policies, operations, issuers and contacts.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::{Certificate, CertificateOperation, CertificatePolicy, Contacts, Issuer, IssuerAdmin};

use super::{base_id, deletion, moment, number, tags, text};
use crate::{output::Columns, time};

/// `-o table` of certificates.
pub const CERTIFICATE_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Subject", "/subject"),
    ("Enabled", "/attributes/enabled"),
    ("Expires", "/attributes/expires"),
    ("X509ThumbprintHex", "/x509ThumbprintHex"),
    ("Id", "/id"),
];

/// `-o table` of one certificate.
pub const ONE_CERTIFICATE_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("ContentType", "/contentType"),
    ("Enabled", "/attributes/enabled"),
    ("Expires", "/attributes/expires"),
    ("X509ThumbprintHex", "/x509ThumbprintHex"),
    ("Id", "/id"),
];

/// `-o table` of a certificate that is being made.
pub const OPERATION_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("Status", "/status"),
    ("StatusDetails", "/statusDetails"),
    ("Issuer", "/issuerParameters/name"),
    ("Target", "/target"),
];

/// `-o table` of issuers.
pub const ISSUER_COLUMNS: Columns = &[("Id", "/id"), ("Provider", "/provider")];

/// `-o table` of one issuer.
pub const ONE_ISSUER_COLUMNS: Columns = &[
    ("Id", "/id"),
    ("Provider", "/provider"),
    ("AccountId", "/credentials/accountId"),
    ("Enabled", "/attributes/enabled"),
];

/// The members that a list's item and one certificate both have.
fn properties(certificate: &Certificate, id: &str) -> Value {
    let hex: String = certificate.thumbprint.iter().map(|byte| format!("{byte:02X}")).collect();
    json!({
        "attributes": {
            "created": time::print(certificate.created),
            "enabled": certificate.enabled,
            "expires": moment(certificate.expires),
            "notBefore": moment(certificate.not_before),
            "recoveryLevel": text(&certificate.recovery_level),
            "updated": time::print(certificate.updated),
        },
        "id": id,
        "name": certificate.name,
        "tags": tags(&certificate.tags),
        "x509Thumbprint": number(&certificate.thumbprint),
        "x509ThumbprintHex": text(&hex),
    })
}

/// `certificate show` and `import`; with its dates if it is deleted.
pub fn certificate(certificate: &Certificate) -> Value {
    let mut shown = properties(certificate, &certificate.id);
    if let Some(members) = shown.as_object_mut() {
        members.insert("cer".to_owned(), number(&certificate.cer));
        members.insert("contentType".to_owned(), text(&certificate.content_type));
        members.insert("kid".to_owned(), text(&certificate.kid));
        members.insert("policy".to_owned(), certificate.policy.as_ref().map_or(Value::Null, policy));
        members.insert("sid".to_owned(), text(&certificate.sid));
    }
    add_deletion(certificate, &mut shown);
    shown
}

fn add_deletion(certificate: &Certificate, shown: &mut Value) {
    let base = base_id(&certificate.id, &certificate.version);
    deletion(shown, certificate.deleted, certificate.scheduled_purge, base, "certificates");
}

/// An item of `certificate list` (named without its version) or, `versioned`, of `list-versions`. A deleted one has
/// its dates and, as in az, no subject.
pub fn certificate_item(certificate: &Certificate, versioned: bool) -> Value {
    let base = base_id(&certificate.id, &certificate.version);
    let mut shown = properties(certificate, if versioned { &certificate.id } else { base });
    if certificate.deleted.is_some() {
        add_deletion(certificate, &mut shown);
    } else if let Some(members) = shown.as_object_mut() {
        members.insert("subject".to_owned(), certificate.subject.as_str().into());
    }
    shown
}

fn texts(items: &[String]) -> Value {
    if items.is_empty() { Value::Null } else { json!(items) }
}

fn count(number: u32) -> Value {
    if number == 0 { Value::Null } else { number.into() }
}

/// A policy. What az has no member for is there only where there is some.
pub fn policy(policy: &CertificatePolicy) -> Value {
    let mut names = json!({
        "dnsNames": texts(&policy.dns_names),
        "emails": texts(&policy.emails),
        "upns": texts(&policy.upns),
    });
    for (name, items) in [("ipAddresses", &policy.ip_addresses), ("uris", &policy.uris)] {
        if let (false, Some(members)) = (items.is_empty(), names.as_object_mut()) {
            members.insert(name.to_owned(), json!(items));
        }
    }
    let actions: Vec<Value> = policy
        .lifetime_actions
        .iter()
        .map(|action| {
            json!({
                "action": { "actionType": action.action },
                "trigger": {
                    "daysBeforeExpiry": count(action.days_before_expiry),
                    "lifetimePercentage": count(action.lifetime_percentage),
                },
            })
        })
        .collect();
    let mut shown = json!({
        "attributes": {
            "created": time::print(policy.created),
            "enabled": policy.enabled,
            "expires": null,
            "notBefore": null,
            "recoveryLevel": null,
            "updated": time::print(policy.updated),
        },
        "id": text(&policy.id),
        "issuerParameters": {
            "certificateTransparency": policy.certificate_transparency,
            "certificateType": text(&policy.certificate_type),
            "name": text(&policy.issuer),
        },
        "keyProperties": {
            "curve": text(&policy.curve),
            "exportable": policy.exportable,
            "keySize": count(policy.key_size_bits),
            "keyType": text(&policy.kty),
            "reuseKey": policy.reuse_key,
        },
        "lifetimeActions": actions,
        "secretProperties": { "contentType": text(&policy.content_type) },
        "x509CertificateProperties": {
            "ekus": policy.extended_key_usages,
            "keyUsage": policy.key_usages,
            "subject": policy.subject,
            "subjectAlternativeNames": names,
            "validityInMonths": count(policy.validity_months),
        },
    });
    if let (true, Some(x509)) = (policy.ca, shown["x509CertificateProperties"].as_object_mut()) {
        let constraints = json!({ "ca": true, "pathLength": policy.path_length });
        x509.insert("basicConstraints".to_owned(), constraints);
    }
    shown
}

/// `certificate create` and `pending`.
pub fn operation(operation: &CertificateOperation) -> Value {
    let error = if operation.error_code.is_empty() {
        Value::Null
    } else {
        json!({ "code": operation.error_code, "innerError": null, "message": text(&operation.error_message) })
    };
    json!({
        "cancellationRequested": operation.cancellation_requested,
        "csr": number(&operation.csr),
        "error": error,
        "id": operation.id,
        "issuerParameters": {
            "certificateTransparency": null,
            "certificateType": null,
            "name": text(&operation.issuer),
        },
        "name": operation.name,
        "requestId": text(&operation.request_id),
        "status": operation.status,
        "statusDetails": text(&operation.status_details),
        // az names the certificate, not the version.
        "target": text(operation.target.rsplit_once('/').map_or("", |(certificate, _)| certificate)),
    })
}

/// `certificate contact …`.
pub fn contacts(contacts: &Contacts) -> Value {
    let list: Vec<Value> = contacts
        .contacts
        .iter()
        .map(|contact| {
            json!({ "emailAddress": contact.email, "name": text(&contact.name), "phone": text(&contact.phone) })
        })
        .collect();
    json!({ "contactList": list, "id": text(&contacts.id) })
}

/// `certificate issuer admin …`.
pub fn admin(admin: &IssuerAdmin) -> Value {
    json!({
        "emailAddress": admin.email,
        "firstName": text(&admin.first_name),
        "lastName": text(&admin.last_name),
        "phone": text(&admin.phone),
    })
}

/// `certificate issuer create`, `show` and the like. The password is never told.
pub fn issuer(issuer: &Issuer) -> Value {
    json!({
        "attributes": {
            "created": time::print(issuer.created),
            "enabled": issuer.enabled,
            "updated": time::print(issuer.updated),
        },
        "credentials": { "accountId": text(&issuer.account_id), "password": null },
        "id": issuer.id,
        "organizationDetails": {
            "adminDetails": issuer.admins.iter().map(admin).collect::<Vec<_>>(),
            "id": text(&issuer.organization_id),
            "zip": 0,
        },
        "provider": issuer.provider,
    })
}

/// An item of `certificate issuer list`.
pub fn issuer_item(issuer: &Issuer) -> Value {
    json!({ "id": issuer.id, "provider": issuer.provider })
}
