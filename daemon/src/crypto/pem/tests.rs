use std::slice;

use proptest::prelude::*;

use super::*;
use crate::crypto::{key_info::public_info_of_private, pfx::tests::Files, test_vectors::code, x509::Read};

#[test]
fn every_form_of_key_that_openssl_writes() {
    for files in [Files::rsa(), Files::ec()] {
        let certificate = Read::parse(&certificates(&files.read("cert.pem")).unwrap()[0]).unwrap();
        let traditional = ["pkey", "-traditional", "-in", "key.pem", "-out"];
        files.openssl(&[&traditional[..], &["old.pem"]].concat());
        files.openssl(&[&traditional[..], &["old-aes.pem", "-aes256", "-passout", "pass:secret"]].concat());
        let pkcs8 = ["pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:secret", "-out"];
        files.openssl(&[&pkcs8[..], &["aes.pem"]].concat());
        files.openssl(&[&pkcs8[..], &["3des.pem", "-v1", "PBE-SHA1-3DES"]].concat());
        files.openssl(&[&pkcs8[..], &["sha512.pem", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"]].concat());
        let refusal = read(&[files.read("sha512.pem"), files.read("cert.pem")].concat(), "secret").err().unwrap();
        assert_eq!(refusal.code, ErrorCode::UnsupportedAlgorithm, "{}", refusal.detail);
        for (name, encrypted) in
            [("key.pem", false), ("old.pem", false), ("old-aes.pem", true), ("aes.pem", true), ("3des.pem", true)]
        {
            for pem in [
                [files.read(name), files.read("cert.pem")].concat(),
                [b"Bag Attributes\r\n".to_vec(), files.read("cert.pem"), files.read(name)].concat(),
            ] {
                let password = if encrypted { "secret" } else { "" };
                let bundle = read(&pem, password).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(bundle.certificates, slice::from_ref(&certificate.der));
                assert!(certificate.is_for(&public_info_of_private(&bundle.key).unwrap()), "{name}");
                if encrypted {
                    assert_eq!(code(read(&pem, "Secret")), ErrorCode::PasswordIncorrect, "{name}");
                    assert_eq!(code(read(&pem, "")), ErrorCode::PasswordIncorrect, "{name}");
                }
            }
        }
        let written =
            write(Some(&read(&files.read("key.pem"), "").unwrap().key), slice::from_ref(&certificate.der)).unwrap();
        let again = read(&written, "").unwrap();
        assert_eq!(again.certificates, [certificate.der]);
        std::fs::write(files.0.path().join("ours.pem"), &*written).unwrap();
        assert!(files.openssl(&["pkey", "-in", "ours.pem", "-check", "-noout"]).contains("valid"));
    }
}

#[test]
fn what_is_no_pem() {
    let files = Files::ec();
    let (key, certificate) = (files.read("key.pem"), files.read("cert.pem"));
    for (pem, expected) in [
        (certificate.clone(), ErrorCode::CertificateInvalid),
        ([&key[..], &key].concat(), ErrorCode::CertificateInvalid),
        (key[..key.len() - 10].to_vec(), ErrorCode::CertificateInvalid),
        (
            [&key[..], b"-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n"].concat(),
            ErrorCode::CertificateInvalid,
        ),
        ([&key[..], b"-----BEGIN CERTIFICATE"].concat(), ErrorCode::CertificateInvalid),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec(), ErrorCode::CertificateInvalid),
        (vec![0xff; 10], ErrorCode::CertificateInvalid),
    ] {
        assert_eq!(code(read(&pem, "")), expected, "{}", String::from_utf8_lossy(&pem));
    }
    assert!(is_pem(&key) && !is_pem(b"\x30\x82") && !is_pem(b""));
}

/// A block within one that is no key to us: aws-lc would begin to read at its line, and hash the password as often as it says.
#[test]
fn a_key_within_another_block_is_not_read() {
    let files = Files::ec();
    let encrypt = ["pkcs8", "-topk8", "-in", "key.pem", "-out", "hidden.pem", "-passout", "pass:x", "-iter"];
    files.openssl(&[&encrypt[..], &["6000000"]].concat());
    let (hidden, key) = (files.read("hidden.pem"), files.read("key.pem"));
    let pem = [b"x-----BEGIN CERTIFICATE-----\n", &hidden[..], b"-----END CERTIFICATE-----\n", &key].concat();
    let started = std::time::Instant::now();
    assert_eq!(code(read(&pem, "x")), ErrorCode::CertificateInvalid);
    assert!(started.elapsed().as_millis() < 500);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(-----BEGIN (CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY|ENCRYPTED PRIVATE KEY)-----\n)?[A-Za-z0-9+/=\n]{0,80}(-----END (CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY)-----\n)?") {
        let _ = read(text.as_bytes(), "x");
        let _ = certificates(text.as_bytes());
    }
}
