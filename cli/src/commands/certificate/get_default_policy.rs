//! `softkeep certificate get-default-policy`: made here, nobody is asked.

use serde_json::{Value, json};

use crate::commands::Reply;

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// One with every member, to fill in
    #[arg(long)]
    scaffold: bool,
}

/// Every usage but the rare ones.
const KEY_USAGES: [&str; 6] =
    ["cRLSign", "dataEncipherment", "digitalSignature", "keyEncipherment", "keyAgreement", "keyCertSign"];

/// Prints the policy.
pub fn run(args: &Args) -> Reply {
    Reply::value(if args.scaffold { scaffold() } else { default() })
}

fn default() -> Value {
    json!({
        "issuerParameters": { "certificateTransparency": null, "name": "Self" },
        "keyProperties": {
            "curve": null,
            "exportable": true,
            "keySize": 2048,
            "keyType": "RSA",
            "reuseKey": true,
        },
        "lifetimeActions": [{ "action": { "actionType": "AutoRenew" }, "trigger": { "daysBeforeExpiry": 90 } }],
        "secretProperties": { "contentType": "application/x-pkcs12" },
        "x509CertificateProperties": {
            "keyUsage": KEY_USAGES,
            "subject": "CN=CLIGetDefaultPolicy",
            "validityInMonths": 12,
        },
    })
}

fn scaffold() -> Value {
    json!({
        "issuerParameters": {
            "certificateTransparency": null,
            "certificateType": "(optional) DigiCert, GlobalSign or WoSign",
            "name": "Unknown, Self, or {IssuerName}",
        },
        "keyProperties": {
            "curve": null,
            "exportable": true,
            "keySize": 2048,
            "keyType": "(optional) RSA or RSA-HSM (default RSA)",
            "reuseKey": true,
        },
        "lifetimeActions": [{
            "action": { "actionType": "AutoRenew" },
            "trigger": { "daysBeforeExpiry": 90, "lifetimePercentage": null },
        }],
        "secretProperties": { "contentType": "application/x-pkcs12 or application/x-pem-file" },
        "x509CertificateProperties": {
            "ekus": ["1.3.6.1.5.5.7.3.1"],
            "keyUsage": KEY_USAGES,
            "subject": "C=US, ST=WA, L=Redmond, O=Contoso, OU=Contoso HR, CN=www.contoso.com",
            "subjectAlternativeNames": {
                "dnsNames": ["hr.contoso.com", "m.contoso.com"],
                "emails": ["hello@contoso.com"],
                "upns": [],
            },
            "validityInMonths": 24,
        },
    })
}
