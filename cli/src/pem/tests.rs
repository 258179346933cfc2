//! Every form that OpenSSL writes, made by OpenSSL itself.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::*;

const PASSWORD: &str = "hVFkk965BuUv ";

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is needed for this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "openssl {arguments:?}");
    done.stdout
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn no_password() -> Result<Secret> {
    panic!("no password should be needed")
}

fn password() -> Result<Secret> {
    Ok(Zeroizing::new(PASSWORD.to_owned()))
}

/// A key of each type, as PKCS#8.
fn keys() -> Vec<String> {
    let mut keys = vec![text(openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b""))];
    for curve in ["P-256", "P-384", "P-521"] {
        keys.push(text(openssl(
            &["genpkey", "-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")],
            b"",
        )));
    }
    keys
}

#[test]
fn every_form_gives_the_same_key() {
    for key in keys() {
        let expected = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], key.as_bytes());
        assert_eq!(*private_key(&key, no_password).unwrap(), expected, "PKCS#8");

        let traditional = text(openssl(&["pkey", "-traditional"], key.as_bytes()));
        assert_eq!(*private_key(&traditional, no_password).unwrap(), expected, "{}", &traditional[..30]);

        for cipher in ["aes-256-cbc", "aes-128-cbc", "des3"] {
            for prf in ["hmacWithSHA256", "hmacWithSHA1"] {
                let pass = format!("pass:{PASSWORD}");
                let arguments = ["pkcs8", "-topk8", "-v2", cipher, "-v2prf", prf, "-passout", &pass];
                let encrypted = text(openssl(&arguments, key.as_bytes()));
                assert_eq!(*private_key(&encrypted, password).unwrap(), expected, "{cipher} {prf}");
            }
        }
    }
}

#[test]
fn parameters_before_the_key_name_the_curve() {
    let key = text(openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b""));
    assert!(key.contains("BEGIN EC PARAMETERS"));
    let expected = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], key.as_bytes());
    assert_eq!(*private_key(&key, no_password).unwrap(), expected);
    // The same key without its own curve: only the block before it has it.
    let bare = text(openssl(&["ec", "-no_public"], key.as_bytes()));
    assert!(private_key(&bare, no_password).is_ok());
}

#[test]
fn a_certificate_in_the_file_is_ignored() {
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        "/dev/stdout",
    ];
    let both = text(openssl(&arguments, b""));
    assert!(both.contains("BEGIN CERTIFICATE") && both.contains("BEGIN PRIVATE KEY"));
    assert!(private_key(&both, no_password).is_ok());
    assert!(private_key(&both.replace('\n', "\r\n"), no_password).is_ok());
}

#[test]
fn refusals_say_why() {
    let check = |pem: &str, password: &str, words: &str| {
        let error = private_key(pem, || Ok(Zeroizing::new(password.to_owned()))).unwrap_err();
        assert_eq!(error.exit() as u8, 1, "{words}");
        assert!(error.render().contains(words), "{}", error.render());
    };
    let key = keys().remove(1);
    let pass = format!("pass:{PASSWORD}");
    let encrypted = text(openssl(&["pkcs8", "-topk8", "-passout", &pass], key.as_bytes()));
    check(&encrypted, "hVFkk965BuUv", "password is wrong");
    check(&encrypted, "", "password is wrong");
    let legacy = text(openssl(&["pkey", "-traditional", "-aes128", "-passout", &pass], key.as_bytes()));
    check(&legacy, PASSWORD, "old format");
    check(&format!("{key}{key}"), "", "more than one");
    check("", "", "no private key");
    check("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "", "no private key");
    check("-----BEGIN PRIVATE KEY-----\nAAAA", "", "lacks");
    check("-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n", "", "not base64");
    check("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "not PKCS#8");
    check("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "", "DSA PRIVATE KEY");
}
