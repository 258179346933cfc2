//! The JSON of az, member for member.

use std::collections::HashMap;

use super::*;

fn token() -> Secret {
    Secret {
        vault: "dev".to_owned(),
        name: "token".to_owned(),
        version: "0123456789abcdef0123456789abcdef".to_owned(),
        id: "https://dev.vault.localhost/secrets/token/0123456789abcdef0123456789abcdef".to_owned(),
        value: b"hVFkk965BuUv ".to_vec(),
        enabled: true,
        tags: HashMap::from([("file-encoding".to_owned(), "utf-8".to_owned())]),
        recovery_level: "Recoverable+Purgeable".to_owned(),
        recoverable_days: 90,
        ..Secret::default()
    }
}

fn check(value: &Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(*value, expected, "{value:#}");
}

#[test]
fn one_secret() {
    check(
        &secret(&token()).unwrap(),
        r#"{"attributes":{"created":"1970-01-01T00:00:00+00:00","enabled":true,"expires":null,"notBefore":null,
        "recoverableDays":90,"recoveryLevel":"Recoverable+Purgeable","updated":"1970-01-01T00:00:00+00:00"},
        "contentType":null,"id":"https://dev.vault.localhost/secrets/token/0123456789abcdef0123456789abcdef",
        "kid":null,"managed":null,"name":"token","tags":{"file-encoding":"utf-8"},"value":"hVFkk965BuUv "}"#,
    );
    assert_eq!(secret(&Secret { value: vec![0xff], ..token() }).unwrap_err().exit() as u8, 1);
}

#[test]
fn a_deleted_secret_has_three_more_and_no_value() {
    let gone = Secret { deleted: Some(0), scheduled_purge: Some(60), managed: true, ..token() };
    let value = secret_without_value(&gone);
    assert_eq!((&value["value"], &value["managed"]), (&Value::Null, &true.into()));
    assert_eq!(value["recoveryId"], "https://dev.vault.localhost/deletedsecrets/token");
    assert_eq!(value["scheduledPurgeDate"], "1970-01-01T00:01:00+00:00");
    assert_eq!(value.as_object().unwrap().len(), 11);
}

#[test]
fn items_of_lists() {
    let item = secret_item(&token(), false);
    assert_eq!(item["id"], "https://dev.vault.localhost/secrets/token");
    assert_eq!(item.as_object().unwrap().len(), 6);
    assert_eq!(secret_item(&token(), true)["id"], token().id);
    assert_eq!(secret_item(&Secret { deleted: Some(0), ..token() }, false).as_object().unwrap().len(), 9);
}
