//! The JSON of az, member for member.

use softkeep_proto::v1::{CertificateLifetimeAction, Contact};

use super::*;

const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn web() -> Certificate {
    let id = |collection: &str| format!("https://dev.vault.localhost/{collection}/web/{VERSION}");
    Certificate {
        vault: "dev".to_owned(),
        name: "web".to_owned(),
        version: VERSION.to_owned(),
        id: id("certificates"),
        kid: id("keys"),
        sid: id("secrets"),
        cer: vec![0x30, 0],
        thumbprint: vec![0xab, 0xcd],
        subject: "CN=web".to_owned(),
        content_type: "application/x-pkcs12".to_owned(),
        enabled: true,
        not_before: Some(0),
        expires: Some(60),
        recovery_level: "Recoverable+Purgeable".to_owned(),
        recoverable_days: 90,
        policy: Some(self_signed()),
        ..Certificate::default()
    }
}

fn self_signed() -> CertificatePolicy {
    CertificatePolicy {
        id: "https://dev.vault.localhost/certificates/web/policy".to_owned(),
        issuer: "Self".to_owned(),
        exportable: true,
        kty: "RSA".to_owned(),
        key_size_bits: 2048,
        content_type: "application/x-pkcs12".to_owned(),
        subject: "CN=web".to_owned(),
        dns_names: vec!["web".to_owned()],
        extended_key_usages: vec!["1.3.6.1.5.5.7.3.1".to_owned()],
        key_usages: vec!["digitalSignature".to_owned()],
        validity_months: 12,
        lifetime_actions: vec![CertificateLifetimeAction {
            action: "AutoRenew".to_owned(),
            days_before_expiry: 0,
            lifetime_percentage: 80,
        }],
        enabled: Some(true),
        ..CertificatePolicy::default()
    }
}

fn check(value: &Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(*value, expected, "{value:#}");
}

const POLICY: &str = r#"{"attributes":{"created":"1970-01-01T00:00:00+00:00","enabled":true,"expires":null,
    "notBefore":null,"recoveryLevel":null,"updated":"1970-01-01T00:00:00+00:00"},
    "id":"https://dev.vault.localhost/certificates/web/policy",
    "issuerParameters":{"certificateTransparency":null,"certificateType":null,"name":"Self"},
    "keyProperties":{"curve":null,"exportable":true,"keySize":2048,"keyType":"RSA","reuseKey":false},
    "lifetimeActions":[{"action":{"actionType":"AutoRenew"},
    "trigger":{"daysBeforeExpiry":null,"lifetimePercentage":80}}],
    "secretProperties":{"contentType":"application/x-pkcs12"},
    "x509CertificateProperties":{"ekus":["1.3.6.1.5.5.7.3.1"],"keyUsage":["digitalSignature"],"subject":"CN=web",
    "subjectAlternativeNames":{"dnsNames":["web"],"emails":null,"upns":null},"validityInMonths":12}}"#;

#[test]
fn one_certificate() {
    let expected = r#"{"attributes":{"created":"1970-01-01T00:00:00+00:00","enabled":true,
        "expires":"1970-01-01T00:01:00+00:00","notBefore":"1970-01-01T00:00:00+00:00",
        "recoveryLevel":"Recoverable+Purgeable","updated":"1970-01-01T00:00:00+00:00"},
        "cer":"MAA=","contentType":"application/x-pkcs12",
        "id":"https://dev.vault.localhost/certificates/web/VERSION",
        "kid":"https://dev.vault.localhost/keys/web/VERSION","name":"web","policy":POLICY,
        "sid":"https://dev.vault.localhost/secrets/web/VERSION","tags":null,"x509Thumbprint":"q80=",
        "x509ThumbprintHex":"ABCD"}"#;
    check(&certificate(&web()), &expected.replace("VERSION", VERSION).replace("POLICY", POLICY));
    let gone = Certificate { deleted: Some(0), ..web() };
    assert_eq!(certificate(&gone)["recoveryId"], "https://dev.vault.localhost/deletedcertificates/web");
    assert_eq!(certificate_item(&gone, false).get("subject"), None);
}

#[test]
fn items_of_lists() {
    let item = certificate_item(&web(), false);
    assert_eq!(
        (&item["id"], &item["subject"]),
        (&"https://dev.vault.localhost/certificates/web".into(), &"CN=web".into())
    );
    assert_eq!(item.as_object().unwrap().len(), 7);
    assert_eq!(certificate_item(&web(), true)["id"], web().id);
}

#[test]
fn names_that_az_lacks_are_shown_where_there_are_some() {
    let shown = policy(&CertificatePolicy { ip_addresses: vec!["::1".to_owned()], ..self_signed() });
    let names = &shown["x509CertificateProperties"]["subjectAlternativeNames"];
    assert_eq!((&names["ipAddresses"], names.get("uris")), (&json!(["::1"]), None));
}

#[test]
fn operations() {
    let pending = CertificateOperation {
        name: "web".to_owned(),
        id: "https://dev.vault.localhost/certificates/web/pending".to_owned(),
        issuer: "Unknown".to_owned(),
        csr: vec![0x30, 0],
        status: "inProgress".to_owned(),
        status_details: "waiting".to_owned(),
        request_id: "r".to_owned(),
        ..CertificateOperation::default()
    };
    check(
        &operation(&pending),
        r#"{"cancellationRequested":false,"csr":"MAA=","error":null,
        "id":"https://dev.vault.localhost/certificates/web/pending",
        "issuerParameters":{"certificateTransparency":null,"certificateType":null,"name":"Unknown"},"name":"web",
        "requestId":"r","status":"inProgress","statusDetails":"waiting","target":null}"#,
    );
    let done = CertificateOperation { target: web().id, ..pending.clone() };
    assert_eq!(operation(&done)["target"], "https://dev.vault.localhost/certificates/web");
    let failed = CertificateOperation { error_code: "KEY_DISABLED".to_owned(), ..pending };
    assert_eq!(operation(&failed)["error"], json!({"code": "KEY_DISABLED", "innerError": null, "message": null}));
}

#[test]
fn issuers_and_contacts() {
    let boss = IssuerAdmin { email: "a@b".to_owned(), first_name: "A".to_owned(), ..IssuerAdmin::default() };
    let made = Issuer {
        name: "ca".to_owned(),
        id: "https://dev.vault.localhost/certificates/issuers/ca".to_owned(),
        provider: "softkeep-ca".to_owned(),
        account_id: "root".to_owned(),
        admins: vec![boss],
        enabled: true,
        ..Issuer::default()
    };
    check(
        &issuer(&made),
        r#"{"attributes":{"created":"1970-01-01T00:00:00+00:00","enabled":true,"updated":"1970-01-01T00:00:00+00:00"},
        "credentials":{"accountId":"root","password":null},"id":"https://dev.vault.localhost/certificates/issuers/ca",
        "organizationDetails":{"adminDetails":[{"emailAddress":"a@b","firstName":"A","lastName":null,"phone":null}],
        "id":null,"zip":0},"provider":"softkeep-ca"}"#,
    );
    check(
        &issuer_item(&made),
        r#"{"id":"https://dev.vault.localhost/certificates/issuers/ca","provider":"softkeep-ca"}"#,
    );
    let list = Contacts {
        contacts: vec![Contact { email: "a@b".to_owned(), ..Contact::default() }],
        id: "https://dev.vault.localhost/certificates/contacts".to_owned(),
        ..Contacts::default()
    };
    check(
        &contacts(&list),
        r#"{"contactList":[{"emailAddress":"a@b","name":null,"phone":null}],
        "id":"https://dev.vault.localhost/certificates/contacts"}"#,
    );
}
