//! An assertion verifies with the certificate's key and says which certificate it is.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use serde_json::Value;

use super::*;

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
}

#[test]
fn signed_by_the_key_and_about_the_certificate() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa_der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ec_der = ec.to_pkcs8v1().unwrap();
    for (algorithm, pkcs8) in [("RS256", rsa_der.as_ref()), ("ES256", ec_der.as_ref())] {
        let jwt = sign(b"certificate", pkcs8, &json!({"sub": "app"})).unwrap();
        let parts: Vec<&str> = jwt.split('.').collect();
        let header = decoded(parts[0]);
        assert_eq!(header["alg"], algorithm);
        assert_eq!(header["x5t#S256"], Base64UrlUnpadded::encode_string(&Sha256::digest(b"certificate")));
        assert_eq!(decoded(parts[1])["sub"], "app");
        let signed = format!("{}.{}", parts[0], parts[1]);
        let signature = Base64UrlUnpadded::decode_vec(parts[2]).unwrap();
        let good = match algorithm {
            "RS256" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref())
                .verify(signed.as_bytes(), &signature),
            _ => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, ec.public_key().as_ref())
                .verify(signed.as_bytes(), &signature),
        };
        good.unwrap();
    }
    assert!(sign(b"certificate", b"no key", &json!({})).is_err());
}

#[test]
fn a_file_without_a_certificate_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sp.pem");
    std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    let error = make("app", &file).unwrap_err();
    assert!(error.message().contains("no certificate"), "{}", error.message());
    assert!(make("app", &folder.path().join("absent")).is_err());
}
