//! The JSON of az, member for member.

use std::collections::HashMap;

use super::*;

fn ec_key() -> Key {
    Key {
        vault: "dev".to_owned(),
        name: "web".to_owned(),
        version: "0123456789abcdef0123456789abcdef".to_owned(),
        kid: "https://dev.vault.localhost/keys/web/0123456789abcdef0123456789abcdef".to_owned(),
        kty: "EC-HSM".to_owned(),
        curve: "P-256".to_owned(),
        key_ops: vec!["sign".to_owned(), "verify".to_owned()],
        enabled: true,
        expires: Some(1_787_306_400),
        created: 0,
        updated: 60,
        x: vec![0xfb, 0xff, 0xbf, 0x01],
        y: vec![2],
        recovery_level: "Recoverable+Purgeable".to_owned(),
        recoverable_days: 90,
        hsm_platform: "0".to_owned(),
        ..Key::default()
    }
}

fn check(value: Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(value, expected, "{value:#}");
}

#[test]
fn one_key() {
    check(
        key(&ec_key()),
        r#"{"attributes":{"created":"1970-01-01T00:00:00+00:00","enabled":true,"expires":"2026-08-21T10:00:00+00:00",
        "exportable":false,"hsmPlatform":"0","keySize":null,"notBefore":null,"recoverableDays":90,
        "recoveryLevel":"Recoverable+Purgeable","updated":"1970-01-01T00:01:00+00:00"},
        "key":{"crv":"P-256","d":null,"dp":null,"dq":null,"e":null,"k":null,"keyOps":["sign","verify"],
        "kid":"https://dev.vault.localhost/keys/web/0123456789abcdef0123456789abcdef","kty":"EC-HSM","n":null,"p":null,
        "q":null,"qi":null,"t":null,"x":"+/+/AQ==","y":"Ag=="},
        "managed":null,"releasePolicy":null,"tags":null}"#,
    );
}

#[test]
fn an_rsa_key_has_n_and_e() {
    let rsa = Key {
        kty: "RSA".to_owned(),
        curve: String::new(),
        x: Vec::new(),
        y: Vec::new(),
        n: vec![0xff; 3],
        e: vec![1, 0, 1],
        key_size_bits: 2048,
        tags: HashMap::from([("a".to_owned(), "b".to_owned())]),
        ..ec_key()
    };
    let value = key(&rsa);
    assert_eq!(value["key"]["e"], "AQAB");
    assert_eq!(value["key"]["n"], "////");
    assert_eq!(value["key"]["crv"], Value::Null);
    assert_eq!(value["key"]["x"], Value::Null);
    assert_eq!(value["attributes"]["keySize"], 2048);
    assert_eq!(value["tags"], json!({"a": "b"}));
}

#[test]
fn a_deleted_key_has_three_more() {
    let value = key(&Key { deleted: Some(0), scheduled_purge: Some(60), ..ec_key() });
    assert_eq!(value["deletedDate"], "1970-01-01T00:00:00+00:00");
    assert_eq!(value["recoveryId"], "https://dev.vault.localhost/deletedkeys/web");
    assert_eq!(value["scheduledPurgeDate"], "1970-01-01T00:01:00+00:00");
    assert_eq!(value.as_object().unwrap().len(), 8);
}

#[test]
fn items_of_lists() {
    check(
        key_item(&ec_key(), false),
        r#"{"attributes":{"attestation":null,"created":"1970-01-01T00:00:00+00:00","enabled":true,
        "expires":"2026-08-21T10:00:00+00:00","exportable":false,"externalKey":null,"hsmPlatform":"0","keySize":null,
        "notBefore":null,"recoverableDays":90,"recoveryLevel":"Recoverable+Purgeable",
        "updated":"1970-01-01T00:01:00+00:00"},"keySize":null,"kid":"https://dev.vault.localhost/keys/web",
        "managed":null,"name":"web","releasePolicy":null,"tags":null}"#,
    );
    assert_eq!(key_item(&ec_key(), true)["kid"], ec_key().kid);
}
