//! Member for member.

use softkeep_proto::v1::PinFailures;

use super::*;

fn check(value: Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(value, expected, "{value:#}");
}

#[test]
fn tokens_and_status() {
    let failures =
        vec![PinFailures { peer: "uid:1000".to_owned(), user_type: "so".to_owned(), count: 3, locked: true }];
    let value = token(&Token { vault: "dev".to_owned(), slot_id: 2, failures, ..Token::default() });
    check(
        value,
        r#"{"failures":[{"count":3,"locked":true,"peer":"uid:1000","userType":"so"}],"label":"","serial":"","slotId":2,
        "soPinSet":false,"userPinSet":false,"vault":"dev"}"#,
    );
    let value =
        status(&Status { sealed: true, seal_reason: "no root key".to_owned(), ..Status::default() }, "unix:///s");
    assert_eq!(value["sealReason"], "no root key");
    assert_eq!(value["endpoint"], "unix:///s");
}
