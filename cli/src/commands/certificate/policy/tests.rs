//! Policies in both forms.

use super::*;

#[test]
fn both_forms_mean_the_same() {
    let printed = r#"{"issuerParameters": {"name": "Self", "certificateTransparency": null, "certificateType": "OV"},
        "keyProperties": {"curve": "P-256", "exportable": false, "keySize": 256, "keyType": "EC", "reuseKey": true},
        "lifetimeActions": [{"action": {"actionType": "AutoRenew"}, "trigger": {"daysBeforeExpiry": 30}}],
        "secretProperties": {"contentType": "application/x-pem-file"},
        "x509CertificateProperties": {"ekus": ["1.3.6.1.5.5.7.3.1"], "keyUsage": ["digitalSignature"],
        "subject": "CN=a", "subjectAlternativeNames": {"dnsNames": ["a", "b"], "emails": null, "upns": []},
        "validityInMonths": 6}}"#;
    let wire = r#"{"issuer": {"name": "Self", "cty": "OV"},
        "key_props": {"crv": "P-256", "exportable": false, "key_size": 256, "kty": "EC", "reuse_key": true},
        "lifetime_actions": [{"action": {"action_type": "AutoRenew"}, "trigger": {"days_before_expiry": 30}}],
        "secret_props": {"contentType": "application/x-pem-file"},
        "x509_props": {"ekus": ["1.3.6.1.5.5.7.3.1"], "key_usage": ["digitalSignature"],
        "subject": "CN=a", "sans": {"dns_names": ["a", "b"]}, "validity_months": 6}}"#;
    let policy = read("--policy", printed).unwrap();
    assert_eq!(policy, read("--policy", wire).unwrap());
    assert_eq!((policy.kty.as_str(), policy.curve.as_str(), policy.key_size_bits), ("EC", "P-256", 256));
    assert_eq!((policy.exportable, policy.reuse_key, policy.validity_months), (false, true, 6));
    assert_eq!((policy.issuer.as_str(), policy.certificate_type.as_str()), ("Self", "OV"));
    assert_eq!(policy.dns_names, ["a", "b"]);
    assert_eq!(policy.lifetime_actions[0].days_before_expiry, 30);
}

#[test]
fn an_authority_says_so() {
    let read = |constraints: &str| {
        let document = format!(r#"{{"x509CertificateProperties": {{"basicConstraints": {constraints}}}}}"#);
        read("--policy", &document).map(|policy| (policy.ca, policy.path_length))
    };
    assert_eq!(read(r#"{"ca": true, "pathLength": 0}"#).unwrap(), (true, Some(0)));
    assert_eq!(read(r#"{"ca": true}"#).unwrap(), (true, None));
    assert_eq!(read("null").unwrap(), (false, None));
    assert_eq!(read(r#"{"ca": "yes"}"#).unwrap_err().exit() as u8, 2);
}

#[test]
fn a_key_is_exportable_unless_it_is_said() {
    assert!(read("--policy", "{}").unwrap().exportable);
    assert_eq!(read("--policy", r#"{"keyProperties": {"keySize": "big"}}"#).unwrap_err().exit() as u8, 2);
}
