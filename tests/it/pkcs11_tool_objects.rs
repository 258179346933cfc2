//! OpenSC's `pkcs11-tool` with objects that are no keys of the vault's own: data, private and not, public keys of
//! others; and with a key that wants the PIN for each use.

use std::fs;

use softkeep_tests::{Daemon, PIN, output_of, run};

use crate::pkcs11_tool::{logged_in, public, sign, tool};

/// What `--read-object` gives of a data object, with a login or without.
fn data(daemon: &Daemon, label: &str, login: &[&str]) -> Option<Vec<u8>> {
    let _ = fs::remove_file(daemon.path("read"));
    let read = ["--read-object", "--type", "data", "--label", label, "-o", "read"];
    run(tool(daemon, login).args(read)).status.success().then(|| fs::read(daemon.path("read")).unwrap())
}

#[test]
fn data_is_kept_and_private_data_needs_a_login() {
    let daemon = Daemon::start();
    let login = ["--login", "--pin", PIN];
    for (label, content) in [("open", "for everybody"), ("closed", "for the user")] {
        let file = daemon.write(label, content);
        let private = if label == "closed" { &["--private"][..] } else { &[] };
        let write = ["--write-object", file.to_str().unwrap(), "--type", "data", "--label", label];
        logged_in(&daemon, &[&write[..], &["--application-label", "test"], private].concat());
        assert_eq!(data(&daemon, label, &login).as_deref(), Some(content.as_bytes()));
    }
    assert_eq!(data(&daemon, "open", &[]).as_deref(), Some(&b"for everybody"[..]));
    assert_eq!(data(&daemon, "closed", &[]), None);
    let listed = public(&daemon, &["-O"]);
    assert!(listed.contains("'open'") && !listed.contains("'closed'"), "{listed}");
    logged_in(&daemon, &["--delete-object", "--type", "data", "--label", "closed"]);
    assert_eq!(data(&daemon, "closed", &login), None, "it was deleted");
}

#[test]
fn a_public_key_of_somebody_else_verifies() {
    let daemon = Daemon::start();
    let file = daemon.write("message", "what is signed");
    daemon.write("other", "what is not signed");
    let make_rsa = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key"];
    let make_ec = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.key"];
    for (name, id, make, mechanism) in [
        ("rsa", "a1", &make_rsa, &["SHA256-RSA-PKCS"][..]),
        ("ec", "b1", &make_ec, &["ECDSA-SHA256", "--signature-format", "openssl"]),
    ] {
        let (key, public_key) = (format!("{name}.key"), format!("{name}.public"));
        output_of(&mut daemon.openssl(make));
        output_of(&mut daemon.openssl(&["pkey", "-pubout", "-in", &key, "-out", &public_key]));
        logged_in(&daemon, &["--write-object", &public_key, "--type", "pubkey", "--id", id, "--label", name]);
        output_of(daemon.openssl(&["dgst", "-sha256", "-sign", &key, "-out", "signature"]).arg(&file));
        let verdict = |file: &str| {
            let mut command =
                tool(&daemon, &["--verify", "--id", id, "--signature-file", "signature", "-i", file, "-m"]);
            String::from_utf8_lossy(&run(command.args(mechanism)).stdout).contains("Signature is valid")
        };
        assert!(verdict("message") && !verdict("other"), "{name}");
    }
}

#[test]
fn a_key_that_wants_the_pin_for_each_use_gets_it() {
    let daemon = Daemon::start();
    let make = ["--keypairgen", "--key-type", "rsa:2048", "--id", "aa", "--label", "careful"];
    let made = logged_in(&daemon, &[&make[..], &["--usage-sign", "--always-auth"]].concat());
    assert!(made.contains("always authenticate"), "{made}");
    let public_key = daemon.download("careful");
    let file = daemon.write("message", "what is signed");
    let signature = sign(&daemon, "aa", &["SHA256-RSA-PKCS"], &file);
    assert!(daemon.verifies(&["-sha256"], &public_key, &signature, &file));
    assert_eq!(daemon.module_uses("sign", "careful"), 1);
}
