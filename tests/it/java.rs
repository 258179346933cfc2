//! Java's SunPKCS11: what `keytool` lists, and a program that signs with the KeyStore's keys. The JDK checks the
//! signatures with its own code, and OpenSSL once more.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{Daemon, PIN, module, output_of, run, stdout_of};

/// The Debian package of Java 17.
pub const PACKAGE: &str = "default-jdk-headless";

/// What SunPKCS11 is told. With `attributes = compatibility` it would ask for keys that may leave the token, read them,
/// and bring them in again.
pub fn config(daemon: &Daemon) -> PathBuf {
    let text = format!("name = Softkeep\nlibrary = {}\nslotListIndex = 0\n", module().display());
    daemon.write("java.cfg", text)
}

/// Java with a program of `tests/java`.
pub fn java(daemon: &Daemon, options: &[&str], program: &str) -> Command {
    let mut java = daemon.tool("java", PACKAGE);
    java.args(options).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("java").join(program));
    java
}

/// `keytool` on the token.
pub fn keytool(daemon: &Daemon, pin: &str, args: &[&str]) -> Command {
    let mut command = daemon.tool("keytool", PACKAGE);
    command.args(args).args(["-keystore", "NONE", "-storetype", "PKCS11", "-storepass", pin]);
    command.args(["-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg"]).arg(config(daemon));
    command
}

#[test]
fn keytool_lists_the_keys_of_the_cli() {
    let daemon = Daemon::start();
    let empty = stdout_of(&mut keytool(&daemon, PIN, &["-list"]));
    assert!(empty.contains("contains 0 entries"), "{empty}");
    daemon.make_key("rsa", &["--kty", "RSA"]);
    let public_key = daemon.make_key("ec", &["--kty", "EC"]);
    let listing = stdout_of(&mut keytool(&daemon, PIN, &["-list"]));
    for line in ["Your keystore contains 2 entries", "rsa, PrivateKeyEntry, ", "ec, PrivateKeyEntry, "] {
        assert!(listing.contains(line), "{line} in {listing}");
    }
    // The published certificate is the key's own: its key, its signature.
    let certificate =
        daemon.write("ec.crt", stdout_of(&mut keytool(&daemon, PIN, &["-exportcert", "-rfc", "-alias", "ec"])));
    let of_certificate = stdout_of(daemon.openssl(&["x509", "-noout", "-pubkey", "-in"]).arg(&certificate));
    assert_eq!(of_certificate, std::fs::read_to_string(public_key).unwrap());
    output_of(daemon.openssl(&["verify", "-check_ss_sig", "-CAfile"]).arg(&certificate).arg(&certificate));
    let refused = run(&mut keytool(&daemon, "4321", &["-list"]));
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stdout).contains("load failed"), "{refused:?}");
}

#[test]
fn a_java_program_signs_with_the_keystores_keys() {
    let daemon = Daemon::start();
    let rsa = daemon.make_key("rsa", &["--kty", "RSA"]);
    let ec = daemon.make_key("ec", &["--kty", "EC"]);
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let mut java = java(&daemon, &[], "SignWithToken.java");
    let said = stdout_of(java.arg(config(&daemon)).arg(PIN).arg(&file));
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    for (algorithm, key, options) in [
        ("SHA256withRSA", &rsa, &["-sha256"][..]),
        ("SHA512withRSA", &rsa, &["-sha512"]),
        ("RSASSA-PSS", &rsa, &pss),
        ("SHA256withECDSA", &ec, &["-sha256"]),
        ("SHA384withECDSA", &ec, &["-sha384"]),
    ] {
        assert!(said.contains(&format!("{algorithm} true\n")), "{algorithm} in {said}");
        let signature = daemon.path(&format!("{algorithm}.signature"));
        assert!(daemon.verifies(options, key, &signature, &file), "{algorithm}");
        assert!(!daemon.verifies(options, key, &signature, &other), "{algorithm}: any file would do");
    }
    assert_eq!((daemon.module_uses("sign", "rsa"), daemon.module_uses("sign", "ec")), (3, 2));
}
