//! GnuTLS (with p11-kit below it): `p11tool` lists, generates and tries keys, `certtool` signs a certificate that
//! OpenSSL verifies.

use std::process::Command;

use softkeep_tests::{Daemon, PIN, VAULT, module, output_of, run, stdout_of};

const PACKAGE: &str = "gnutls-bin";

fn p11tool(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = daemon.tool("p11tool", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap()]).args(args);
    command
}

fn uri(object: &str, kind: &str) -> String {
    format!("pkcs11:token={VAULT};object={object};type={kind}")
}

#[test]
fn p11tool_lists_makes_and_tries_keys() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    let token = format!("pkcs11:token={VAULT}");
    let said = stdout_of(&mut p11tool(
        &daemon,
        &["--login", "--generate-privkey", "ecdsa", "--curve", "secp384r1", "--label", "ec", &token],
    ));
    let public = said.find("-----BEGIN PUBLIC KEY-----").expect("the public key is printed");
    assert_eq!(std::fs::read_to_string(daemon.download("ec")).unwrap().trim(), said[public..].trim());
    let public_only = stdout_of(&mut p11tool(&daemon, &["--list-all", &token]));
    assert!(public_only.contains("type=public") && !public_only.contains("type=private"), "{public_only}");
    let listed = stdout_of(&mut p11tool(&daemon, &["--login", "--list-all", &token]));
    for kind in ["Private key (RSA-2048)", "Private key (EC/ECDSA-SECP384R1)", "CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE"] {
        assert!(listed.contains(kind), "{kind} in {listed}");
    }
    for name in ["rsa", "ec"] {
        let (stdout, stderr) = output_of(&mut p11tool(&daemon, &["--login", "--test-sign", &uri(name, "private")]));
        assert!((stdout + &stderr).contains("Verifying against public key in the token... ok"), "{name}");
        assert!(daemon.module_uses("sign", name) >= 1);
    }
    let gone = run(&mut p11tool(&daemon, &["--login", "--test-sign", &uri("nobody", "private")]));
    assert!(!gone.status.success());
}

#[test]
fn certtool_signs_a_certificate_that_openssl_verifies() {
    let daemon = Daemon::start();
    for (name, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        let public_key = daemon.make_key(name, &["--kty", kty]);
        daemon.write("template", "cn = gnutls\nexpiration_days = 2\nsigning_key\n");
        let certificate = daemon.path(&format!("{name}.crt"));
        let mut command = daemon.tool("certtool", PACKAGE);
        command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--generate-self-signed"]);
        command.args(["--load-privkey", &uri(name, "private"), "--template", "template", "--outfile"]);
        output_of(command.arg(&certificate));
        output_of(daemon.openssl(&["verify", "-check_ss_sig", "-CAfile"]).arg(&certificate).arg(&certificate));
        let of_certificate = stdout_of(daemon.openssl(&["x509", "-noout", "-pubkey", "-in"]).arg(&certificate));
        assert_eq!(of_certificate, std::fs::read_to_string(public_key).unwrap());
        assert_eq!(daemon.module_uses("sign", name), 1);
    }
}
