//! GnuTLS with keys that are not made in the token, that are not RSA or ECDSA, or that are not pairs: `p11tool`
//! brings in private keys and secrets and marks certificates as trusted, `certtool` and `gnutls-serv` use Ed25519
//! keys.

use std::{fs, process::Command};

use softkeep_tests::{Daemon, PIN, SO_PIN, VAULT, module, output_of, run, stdout_of};

use crate::{gnutls, pkcs11_tool};

const PACKAGE: &str = "gnutls-bin";

fn p11tool(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = daemon.tool("p11tool", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--login"]).args(args);
    command
}

fn token() -> String {
    format!("pkcs11:token={VAULT}")
}

fn uri(object: &str, kind: &str) -> String {
    format!("pkcs11:token={VAULT};object={object};type={kind}")
}

/// Signs a certificate with a key of the token and has OpenSSL verify it; the public key is this one.
fn certifies(daemon: &Daemon, key: &str, expected: &str) {
    daemon.write("template", "cn = gnutls\nca\ncert_signing_key\nexpiration_days = 2\n");
    let mut command = daemon.tool("certtool", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--generate-self-signed"]);
    command.args(["--load-privkey", &uri(key, "private"), "--template", "template", "--outfile", "new.crt"]);
    output_of(&mut command);
    output_of(&mut daemon.openssl(&["verify", "-check_ss_sig", "-CAfile", "new.crt", "new.crt"]));
    let public_key = stdout_of(&mut daemon.openssl(&["x509", "-noout", "-pubkey", "-in", "new.crt"]));
    assert_eq!(public_key, expected, "{key}");
}

#[test]
fn private_keys_are_brought_in_by_p11tool() {
    let daemon = Daemon::start();
    for (name, kind) in [("rsa", "rsa"), ("ec", "ecdsa"), ("edwards", "ed25519")] {
        let file = format!("{name}.key");
        let mut make = daemon.tool("certtool", PACKAGE);
        output_of(make.args(["--generate-privkey", "--key-type", kind, "--outfile", &file]));
        output_of(&mut p11tool(&daemon, &["--write", "--load-privkey", &file, "--label", name, &token()]));
        let public_key = stdout_of(&mut daemon.openssl(&["pkey", "-pubout", "-in", &file]));
        assert_eq!(public_key, fs::read_to_string(daemon.download(name)).unwrap(), "{name}");
        certifies(&daemon, name, &public_key);
        let listed = stdout_of(&mut p11tool(&daemon, &["--list-all", &uri(name, "private")]));
        assert!(listed.contains("CKA_SENSITIVE") && !listed.contains("NEVER_EXTRACTABLE"), "{listed}");
    }
}

#[test]
fn an_ed25519_key_of_the_token_certifies_and_serves() {
    let daemon = Daemon::start();
    // GnuTLS 3.7 asks for CKM_EDDSA where it wants a new pair: another client makes it.
    let make = ["--keypairgen", "--key-type", "EC:edwards25519", "--id", "e1", "--label", "edwards"];
    pkcs11_tool::logged_in(&daemon, &make);
    let public_key = fs::read_to_string(daemon.download("edwards")).unwrap();
    certifies(&daemon, "edwards", &public_key);
    gnutls::self_signed(&daemon, "edwards");
    let (_server, port) = gnutls::serve(&daemon, "edwards", &[]);
    for version in ["1.2", "1.3"] {
        let mut client = daemon.openssl(&["s_client", "-brief", &format!("-tls{}", version.replace('.', "_"))]);
        client.args(["-CAfile", "edwards.crt", "-verify_return_error", "-connect", &format!("127.0.0.1:{port}")]);
        let (stdout, stderr) = output_of(&mut client);
        let said = stdout + &stderr;
        assert!(said.contains("Signature type: ed25519\n") && said.contains("Verification: OK"), "{version}: {said}");
    }
}

#[test]
fn a_secret_is_brought_in_and_stays_in() {
    let daemon = Daemon::start();
    let secret = "000102030405060708090a0b0c0d0e0f";
    output_of(&mut p11tool(&daemon, &["--write", "--secret-key", secret, "--label", "secret", &token()]));
    let listed = stdout_of(&mut p11tool(&daemon, &["--list-all", &uri("secret", "secret-key")]));
    assert!(listed.contains("Type: Secret key") && listed.contains("CKA_SENSITIVE"), "{listed}");
    let exported = run(&mut p11tool(&daemon, &["--export", &uri("secret", "secret-key")]));
    assert!(!exported.status.success(), "{exported:?}");
}

#[test]
fn the_security_officer_marks_a_certificate_as_trusted() {
    let daemon = Daemon::start();
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-days", "2"];
    output_of(daemon.openssl(&make).args(["-keyout", "ca.key", "-out", "ca.crt"]));
    let write = ["--write", "--mark-trusted", "--load-certificate", "ca.crt", "--label", "ca"];
    let refused = run(p11tool(&daemon, &write).arg(token()));
    assert!(!refused.status.success(), "the user marked a certificate as trusted");
    let mut command = daemon.tool("p11tool", PACKAGE);
    command.env("GNUTLS_PIN", SO_PIN).env("GNUTLS_SO_PIN", SO_PIN).args(["--provider", module().to_str().unwrap()]);
    output_of(command.arg("--so-login").args(write).arg(token()));
    let trusted = stdout_of(&mut p11tool(&daemon, &["--list-all-trusted", &token()]));
    assert!(trusted.contains("Label: ca") && trusted.contains("CKA_TRUSTED"), "{trusted}");
}
