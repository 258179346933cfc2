//! az's rules for a key's type.

use super::*;

#[test]
fn types() {
    let check = |given: Option<&str>, curve: Option<&str>, protection: Option<Protection>, expected: &str| {
        assert_eq!(kty(given, curve, None, protection).unwrap(), expected);
    };
    check(None, None, None, "RSA");
    check(None, Some("P-256"), None, "EC");
    check(None, None, Some(Protection::Hsm), "RSA-HSM");
    check(Some("ec"), None, Some(Protection::Software), "EC");
    check(Some("OCT"), None, None, "oct");
    check(Some("oct"), None, Some(Protection::Hsm), "oct-HSM");
    check(Some("EC-HSM"), None, Some(Protection::Hsm), "EC-HSM");
    check(None, Some("Ed25519"), None, "OKP");
    check(Some("okp"), None, Some(Protection::Hsm), "OKP-HSM");
    for error in [
        kty(Some("RSA-HSM"), None, None, Some(Protection::Software)),
        kty(Some("RSA"), Some("P-256"), None, None),
        kty(Some("EC"), None, Some(2048), None),
        kty(Some("oct"), Some("P-256"), None, None),
        kty(Some("OKP"), Some("P-256"), None, None),
        kty(Some("EC"), Some("Ed25519"), None, None),
        kty(Some("OKP"), None, Some(256), None),
    ] {
        assert_eq!(error.unwrap_err().exit() as u8, 2);
    }
}

#[test]
fn curves() {
    for (given, name) in [("p-256k", "P-256K"), ("secp256k1", "P-256K"), ("ED25519", "Ed25519"), ("P-521", "P-521")] {
        assert_eq!(curve(given), name);
    }
}
