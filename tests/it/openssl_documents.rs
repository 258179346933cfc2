//! OpenSSL 3.0 with its engine `pkcs11` as a certificate authority and with CMS: the keys of issuer, signer and
//! recipient are in the daemon. OpenSSL without the engine verifies what was signed and encrypts what is decrypted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use softkeep_tests::{Daemon, output_of, run, stdout_of, tools::key_uri};

const ENGINE: [&str; 4] = ["-engine", "pkcs11", "-keyform", "engine"];

/// What `openssl ca` wants to know, and the files it keeps.
fn prepare_authority(daemon: &Daemon) {
    daemon.write(
        "ca.cnf",
        "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n\
         default_md = sha256\npolicy = policy\ndefault_days = 2\ndefault_crl_days = 2\nunique_subject = no\n\
         [policy]\ncommonName = supplied\n",
    );
    daemon.write("index.txt", "");
    daemon.write("serial", "01\n");
}

/// A certificate that a key of the daemon signs for itself, `KEY.crt`.
fn self_signed(daemon: &Daemon, key: &str) -> PathBuf {
    let path = daemon.path(&format!("{key}.crt"));
    let subject = format!("/CN={key}");
    let mut command = daemon.openssl_engine(&["req", "-x509", "-new", "-sha256", "-days", "2", "-subj", &subject]);
    output_of(command.args(ENGINE).args(["-key", &key_uri(key), "-out"]).arg(&path));
    path
}

/// OpenSSL's verdict on a chain of two.
fn is_issued_by(daemon: &Daemon, certificate: &str, authority: &str) -> bool {
    run(&mut daemon.openssl(&["verify", "-CAfile", authority, certificate])).status.success()
}

#[test]
fn an_authority_in_the_token_issues_and_revokes() {
    let daemon = Daemon::start();
    let leaf_key = daemon.make_key("leaf", &["--kty", "RSA"]);
    prepare_authority(&daemon);
    let mut request = daemon.openssl_engine(&["req", "-new", "-sha256", "-subj", "/CN=leaf", "-out", "leaf.csr"]);
    output_of(request.args(ENGINE).args(["-key", &key_uri("leaf")]));
    output_of(&mut daemon.openssl(&["req", "-verify", "-noout", "-in", "leaf.csr"]));
    for (name, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        daemon.make_key(name, &["--kty", kty]);
        self_signed(&daemon, name);
        let (authority, key) = (format!("{name}.crt"), key_uri(name));
        let mut issue = daemon.openssl_engine(&["x509", "-req", "-in", "leaf.csr", "-days", "2", "-set_serial", "9"]);
        issue.args(["-engine", "pkcs11", "-CAkeyform", "engine", "-CAkey", &key, "-CA", &authority]);
        output_of(issue.args(["-out", "issued-by-x509.crt"]));

        let ca = |options: &[&str]| {
            let mut command = daemon.openssl_engine(&["ca", "-batch", "-config", "ca.cnf", "-keyfile", &key]);
            output_of(command.args(ENGINE).args(["-cert", &authority]).args(options));
        };
        ca(&["-in", "leaf.csr", "-notext", "-out", "issued-by-ca.crt"]);
        for certificate in ["issued-by-x509.crt", "issued-by-ca.crt"] {
            assert!(is_issued_by(&daemon, certificate, &authority), "{name}: {certificate}");
            let public_key = stdout_of(&mut daemon.openssl(&["x509", "-noout", "-pubkey", "-in", certificate]));
            assert_eq!(public_key, fs::read_to_string(&leaf_key).unwrap());
        }
        ca(&["-revoke", "issued-by-ca.crt"]);
        ca(&["-gencrl", "-out", "revoked.crl"]);
        let verify = ["verify", "-crl_check", "-CRLfile", "revoked.crl", "-CAfile", &authority];
        let revoked = run(daemon.openssl(&verify).arg("issued-by-ca.crt"));
        assert!(String::from_utf8_lossy(&revoked.stderr).contains("certificate revoked"), "{name}: {revoked:?}");
        output_of(daemon.openssl(&verify).arg("issued-by-x509.crt"));
        assert_eq!(daemon.module_uses("sign", name), 4, "its own certificate, two others, one list");
    }
    assert!(!is_issued_by(&daemon, "issued-by-x509.crt", "rsa.crt"), "the last one was issued by the EC key");
}

fn cms_verify(daemon: &Daemon, certificate: &Path, content: &Path) -> bool {
    let mut command = daemon.openssl(&["cms", "-verify", "-inform", "PEM", "-in", "signed.pem", "-purpose", "any"]);
    command.arg("-CAfile").arg(certificate).args(["-binary", "-out", "read", "-content"]).arg(content);
    run(&mut command).status.success()
}

#[test]
fn cms_is_signed_with_rsa_pss_and_ec() {
    let daemon = Daemon::start();
    let message = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let pss = ["-keyopt", "rsa_padding_mode:pss"];
    for (key, kty, options, algorithm) in [
        ("rsa", "RSA", &[][..], "rsaEncryption"),
        ("pss", "RSA", &pss, "rsassaPss"),
        ("ec", "EC", &[], "ecdsa-with-SHA256"),
    ] {
        daemon.make_key(key, &["--kty", kty]);
        let certificate = self_signed(&daemon, key);
        let before = daemon.module_uses("sign", key);
        let mut sign = daemon.openssl_engine(&["cms", "-sign", "-binary", "-outform", "PEM", "-out", "signed.pem"]);
        sign.args(ENGINE).args(["-inkey", &key_uri(key), "-signer"]).arg(&certificate).args(options);
        output_of(sign.arg("-in").arg(&message));
        assert!(cms_verify(&daemon, &certificate, &message), "{key}");
        assert!(!cms_verify(&daemon, &certificate, &other), "{key}: any content would do");
        let shown =
            stdout_of(&mut daemon.openssl(&["cms", "-cmsout", "-print", "-inform", "PEM", "-in", "signed.pem"]));
        let used = shown.split("signatureAlgorithm:").last().unwrap();
        assert!(used.trim_start().starts_with(&format!("algorithm: {algorithm} ")), "{used}");
        assert_eq!(daemon.module_uses("sign", key), before + 1);
    }
}

#[test]
fn cms_for_an_rsa_key_is_opened_by_oaep() {
    let daemon = Daemon::start();
    for key in ["recipient", "stranger"] {
        daemon.make_key(key, &["--kty", "RSA"]);
        self_signed(&daemon, key);
    }
    let message = daemon.write("message", "what is inside");
    for hash in ["sha1", "sha256"] {
        let mut encrypt = daemon.openssl(&["cms", "-encrypt", "-aes256", "-binary", "-outform", "PEM"]);
        encrypt.args(["-out", "sealed.pem", "-recip", "recipient.crt", "-in"]).arg(&message);
        encrypt.args(["-keyopt", "rsa_padding_mode:oaep", "-keyopt", &format!("rsa_oaep_md:{hash}")]);
        output_of(encrypt.args(["-keyopt", &format!("rsa_mgf1_md:{hash}")]));
        let decrypt = |key: &str| {
            let mut command = daemon.openssl_engine(&["cms", "-decrypt", "-inform", "PEM", "-in", "sealed.pem"]);
            command.args(ENGINE).args(["-inkey", &key_uri(key), "-recip", "recipient.crt"]);
            run(&mut command)
        };
        let opened = decrypt("recipient");
        assert!(opened.status.success(), "{hash}: {}", String::from_utf8_lossy(&opened.stderr));
        assert_eq!(opened.stdout, b"what is inside", "{hash}");
        assert!(!decrypt("stranger").status.success(), "{hash}: anybody could read it");
    }
    assert_eq!(daemon.module_uses("decrypt", "recipient"), 2);
}

#[test]
fn cms_by_pkcs_1_v1_5_and_by_key_agreement_is_opened() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    let make = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "d1", "--label", "ec"];
    crate::pkcs11_tool::logged_in(&daemon, &[&make[..], &["--usage-sign", "--usage-derive"]].concat());
    let message = daemon.write("message", "what is inside");
    for key in ["rsa", "ec"] {
        let certificate = self_signed(&daemon, key);
        let mut encrypt = daemon.openssl(&["cms", "-encrypt", "-aes256", "-binary", "-outform", "PEM"]);
        output_of(encrypt.args(["-out", "sealed.pem", "-in"]).arg(&message).arg(&certificate));
        let mut decrypt = daemon.openssl_engine(&["cms", "-decrypt", "-inform", "PEM", "-in", "sealed.pem"]);
        decrypt.args(ENGINE).args(["-inkey", &key_uri(key), "-recip"]).arg(&certificate);
        assert_eq!(stdout_of(&mut decrypt), "what is inside", "{key}");
    }
}
