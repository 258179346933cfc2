//! JSON Web Keys.

use super::*;

fn parsed(key: &Key) -> Value {
    serde_json::from_str(&jwk(key).unwrap()).unwrap()
}

#[test]
fn jwks_have_the_standards_names() {
    let kid = "https://dev.vault.localhost/keys/k/0";
    let rsa =
        Key { kty: "RSA-HSM".to_owned(), kid: kid.to_owned(), n: vec![0xfb, 0xff], e: vec![1, 0, 1], ..Key::default() };
    assert_eq!(parsed(&rsa), serde_json::json!({"kty": "RSA", "kid": kid, "n": "-_8", "e": "AQAB"}));
    let point = |kty: &str, curve: &str, y: Vec<u8>| Key {
        kty: kty.to_owned(),
        curve: curve.to_owned(),
        kid: kid.to_owned(),
        x: vec![0xff],
        y,
        ..Key::default()
    };
    let jwk = serde_json::json!({"kty": "EC", "crv": "secp256k1", "kid": kid, "x": "_w", "y": "AA"});
    assert_eq!(parsed(&point("EC", "P-256K", vec![0])), jwk);
    let jwk = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "_w"});
    assert_eq!(parsed(&point("OKP", "Ed25519", vec![])), jwk);
}

#[test]
fn keys_without_one_say_so() {
    let key = Key { kty: "AKP".to_owned(), public_key_der: vec![0x30], ..Key::default() };
    assert_eq!(jwk(&key).unwrap_err().exit() as u8, 1);
}
