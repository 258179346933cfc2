//! OpenSC's `pkcs11-tool` with keys that are not pairs, and with keys that travel: AES and HMAC keys are made,
//! brought in and used, secrets are wrapped, unwrapped and agreed on, private keys are brought in. OpenSSL computes
//! the same.

use std::{fs, path::Path};

use softkeep_tests::{Daemon, PIN, VAULT, module, output_of, run, stdout_of};

use crate::pkcs11_tool::{logged_in, sign, tool};

const VECTOR: &str = "00112233445566778899aabbccddeeff";

/// A known key, as a file and in hexadecimal.
fn known_key(daemon: &Daemon, name: &str, first: u8) -> String {
    let bytes: Vec<u8> = (first..first + 32).collect();
    daemon.write(name, &bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `pkcs11-tool --encrypt` or `--decrypt` of a file; whether it worked.
fn cipher(daemon: &Daemon, direction: &str, mechanism: &str, id: &str, from: &str, to: &str) -> bool {
    let mut command = tool(daemon, &["--login", "--pin", PIN, direction, "-m", mechanism, "--id", id]);
    run(command.args(["--iv", VECTOR, "-i", from, "-o", to])).status.success()
}

/// What OpenSSL makes of a file with a key it knows.
fn openssl_cipher(daemon: &Daemon, options: &[&str], key: &str, from: &str, to: &str) {
    let mut command = daemon.openssl(&["enc", "-K", key, "-in", from, "-out", to]);
    output_of(command.args(options));
}

fn read(daemon: &Daemon, name: &str) -> Vec<u8> {
    fs::read(daemon.path(name)).unwrap()
}

#[test]
fn an_aes_key_brought_in_computes_what_openssl_does() {
    let daemon = Daemon::start();
    let key = known_key(&daemon, "aes.key", 0);
    let write = ["--write-object", "aes.key", "--type", "secrkey", "--key-type", "AES:32", "--id", "11"];
    logged_in(&daemon, &[&write[..], &["--label", "known", "--sensitive", "--usage-decrypt"]].concat());
    daemon.write("message", [7; 64]);
    for (mechanism, options) in [
        ("AES-CBC-PAD", &["-aes-256-cbc", "-iv", VECTOR][..]),
        ("AES-CBC", &["-aes-256-cbc", "-iv", VECTOR, "-nopad"]),
        ("AES-ECB", &["-aes-256-ecb", "-nopad"]),
    ] {
        assert!(cipher(&daemon, "--encrypt", mechanism, "11", "message", "sealed"), "{mechanism}");
        openssl_cipher(&daemon, options, &key, "message", "expected");
        assert_eq!(read(&daemon, "sealed"), read(&daemon, "expected"), "{mechanism}");
        assert!(cipher(&daemon, "--decrypt", mechanism, "11", "expected", "opened"), "{mechanism}");
        assert_eq!(read(&daemon, "opened"), [7; 64], "{mechanism}");
    }
    let refused =
        run(&mut tool(&daemon, &["--login", "--pin", PIN, "--read-object", "--type", "secrkey", "--id", "11"]));
    assert!(!String::from_utf8_lossy(&refused.stdout).contains('\u{1}'), "a sensitive key came out");
}

#[test]
fn an_aes_key_made_here_opens_its_own_only() {
    let daemon = Daemon::start();
    for (id, label) in [("11", "mine"), ("12", "other")] {
        logged_in(&daemon, &["--keygen", "--key-type", "AES:32", "--id", id, "--label", label, "--sensitive"]);
    }
    let listed = logged_in(&daemon, &["-O", "--type", "secrkey"]);
    assert!(listed.contains("Secret Key Object; AES length 32") && listed.contains("never extractable"), "{listed}");
    daemon.write("message", "what is inside, of any length");
    assert!(cipher(&daemon, "--encrypt", "AES-CBC-PAD", "11", "message", "sealed"));
    assert!(cipher(&daemon, "--decrypt", "AES-CBC-PAD", "11", "sealed", "opened"));
    assert_eq!(read(&daemon, "opened"), read(&daemon, "message"));
    fs::remove_file(daemon.path("opened")).unwrap();
    let opened = cipher(&daemon, "--decrypt", "AES-CBC-PAD", "12", "sealed", "opened");
    assert!(!opened || read(&daemon, "opened") != read(&daemon, "message"), "any key would do");
    logged_in(&daemon, &["--delete-object", "--type", "secrkey", "--id", "11"]);
    assert!(!cipher(&daemon, "--decrypt", "AES-CBC-PAD", "11", "sealed", "opened"), "it was deleted");
}

#[test]
fn hmac_is_what_openssl_computes() {
    let daemon = Daemon::start();
    let key = known_key(&daemon, "hmac.key", 40);
    // OpenSC 0.23 cannot write a generic secret ("Unknown key type: 0x10"); GnuTLS can, and chooses its identifier
    // itself.
    let mut write = daemon.tool("p11tool", "gnutls-bin");
    write.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--login", "--write"]);
    output_of(write.args(["--secret-key", &key, "--label", "hmac", &format!("pkcs11:token={VAULT}")]));
    let listed = logged_in(&daemon, &["-O", "--type", "secrkey"]);
    let id = listed.split("ID:").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("it has an identifier");
    let file = daemon.write("message", "what is authenticated");
    daemon.write("other", "what is not");
    for (mechanism, hash) in [("SHA256-HMAC", "sha256"), ("SHA384-HMAC", "sha384"), ("SHA512-HMAC", "sha512")] {
        let code = sign(&daemon, id, &[mechanism], &file);
        let mut expected =
            daemon.openssl(&["dgst", &format!("-{hash}"), "-mac", "HMAC", "-binary", "-out", "expected"]);
        output_of(expected.args(["-macopt", &format!("hexkey:{key}"), "message"]));
        assert_eq!(fs::read(&code).unwrap(), read(&daemon, "expected"), "{mechanism}");
        let verify = ["--verify", "-m", mechanism, "--id", id, "--signature-file", "signature", "-i"];
        let verdict = |file: &str| {
            let mut command = tool(&daemon, &["--login", "--pin", PIN]);
            let output = run(command.args(verify).arg(file));
            String::from_utf8_lossy(&output.stdout).contains("Signature is valid")
        };
        assert!(verdict("message") && !verdict("other"), "{mechanism}");
    }
}

#[test]
fn private_keys_brought_in_sign_and_decrypt() {
    let daemon = Daemon::start();
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let make_rsa = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key"];
    let make_ec = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "ec.key"];
    for (name, id, make, mechanism) in [
        ("rsa", "a1", &make_rsa[..], &["SHA256-RSA-PKCS"][..]),
        ("ec", "b1", &make_ec, &["ECDSA-SHA256", "--signature-format", "openssl"]),
    ] {
        output_of(&mut daemon.openssl(make));
        let (key, public_key) = (format!("{name}.key"), daemon.path(&format!("{name}.public")));
        output_of(daemon.openssl(&["pkey", "-pubout", "-in", &key, "-out"]).arg(&public_key));
        let usage = if name == "rsa" { &["--usage-sign", "--usage-decrypt"][..] } else { &["--usage-sign"] };
        let write = ["--write-object", &key, "--type", "privkey", "--id", id, "--label", name];
        logged_in(&daemon, &[&write[..], usage].concat());
        let downloaded = fs::read_to_string(daemon.download(name)).unwrap();
        assert_eq!(downloaded, fs::read_to_string(&public_key).unwrap(), "the CLI has the same key");
        let signature = sign(&daemon, id, mechanism, &file);
        assert!(daemon.verifies(&["-sha256"], &public_key, &signature, &file), "{name}");
        assert!(!daemon.verifies(&["-sha256"], &public_key, &signature, &other), "{name}: any file would do");
    }
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "rsa.public", "-in", "message", "-out", "sealed"];
    output_of(&mut daemon.openssl(&encrypt));
    logged_in(&daemon, &["--decrypt", "-m", "RSA-PKCS", "--id", "a1", "-i", "sealed", "-o", "opened"]);
    assert_eq!(read(&daemon, "opened"), b"what is signed");
}

#[test]
fn ed25519_signatures_are_verified_by_openssl() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "EC:edwards25519", "--id", "c1", "--label", "edwards"]);
    let public_key = daemon.download("edwards");
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let signature = sign(&daemon, "c1", &["EDDSA"], &file);
    let verifies = |file: &Path| daemon.verifies_raw(&["-rawin"], &public_key, &signature, file);
    assert!(verifies(&file) && !verifies(&other));
}

#[test]
fn a_secret_is_agreed_on_with_openssl() {
    let daemon = Daemon::start();
    let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "d1", "--label", "here", "--usage-derive"];
    logged_in(&daemon, &pair);
    let here = daemon.download("here");
    let make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "there.key"];
    output_of(&mut daemon.openssl(&make));
    output_of(&mut daemon.openssl(&["pkey", "-in", "there.key", "-pubout", "-outform", "DER", "-out", "there.der"]));
    logged_in(&daemon, &["--derive", "-m", "ECDH1-DERIVE", "--id", "d1", "-i", "there.der", "-o", "secret"]);
    let mut derive = daemon.openssl(&["pkeyutl", "-derive", "-inkey", "there.key", "-out", "expected", "-peerkey"]);
    output_of(derive.arg(here));
    assert_eq!(read(&daemon, "secret"), read(&daemon, "expected"));
}

#[test]
fn a_wrapped_key_is_opened_by_openssl_and_by_the_token() {
    let daemon = Daemon::start();
    let wrapping = known_key(&daemon, "wrapping.key", 80);
    let write = ["--write-object", "wrapping.key", "--type", "secrkey", "--key-type", "AES:32", "--id", "21"];
    logged_in(&daemon, &[&write[..], &["--label", "wrapping", "--usage-wrap"]].concat());
    let make = ["--keygen", "--key-type", "AES:32", "--id", "22", "--label", "travels", "--extractable"];
    logged_in(&daemon, &make);
    logged_in(&daemon, &["--wrap", "-m", "AES-KEY-WRAP", "--id", "21", "--application-id", "22", "-o", "wrapped"]);
    // RFC 3394, by OpenSSL: what is inside computes what the token's key does.
    let vector = "A6A6A6A6A6A6A6A6";
    openssl_cipher(&daemon, &["-d", "-id-aes256-wrap", "-iv", vector], &wrapping, "wrapped", "unwrapped");
    let key: String = read(&daemon, "unwrapped").iter().map(|byte| format!("{byte:02x}")).collect();
    daemon.write("message", [9; 48]);
    openssl_cipher(&daemon, &["-aes-256-cbc", "-iv", VECTOR, "-nopad"], &key, "message", "expected");
    assert!(cipher(&daemon, "--encrypt", "AES-CBC", "22", "message", "sealed"));
    assert_eq!(read(&daemon, "sealed"), read(&daemon, "expected"));
    // And back into the token under another name.
    let unwrap = ["--unwrap", "-m", "AES-KEY-WRAP", "--id", "21", "--application-id", "23", "--key-type", "AES:"];
    logged_in(&daemon, &[&unwrap[..], &["-i", "wrapped", "--application-label", "arrived"]].concat());
    assert!(cipher(&daemon, "--decrypt", "AES-CBC", "23", "sealed", "opened"));
    assert_eq!(read(&daemon, "opened"), [9; 48]);
    // A key that may not leave does not.
    logged_in(&daemon, &["--keygen", "--key-type", "AES:32", "--id", "24", "--label", "stays", "--sensitive"]);
    let stays = ["--login", "--pin", PIN, "--wrap", "-m", "AES-KEY-WRAP", "--id", "21", "--application-id", "24"];
    assert!(!run(tool(&daemon, &stays).args(["-o", "never"])).status.success());
}

#[test]
fn an_rsa_pair_wraps_and_unwraps_a_secret() {
    let daemon = Daemon::start();
    let pair = ["--keypairgen", "--key-type", "rsa:2048", "--id", "a1", "--label", "rsa"];
    logged_in(&daemon, &[&pair[..], &["--usage-wrap", "--usage-decrypt"]].concat());
    let make = ["--keygen", "--key-type", "AES:32", "--id", "22", "--label", "travels", "--extractable"];
    logged_in(&daemon, &make);
    logged_in(&daemon, &["--wrap", "-m", "RSA-PKCS", "--id", "a1", "--application-id", "22", "-o", "wrapped"]);
    let unwrap = ["--unwrap", "-m", "RSA-PKCS", "--id", "a1", "--application-id", "23", "--key-type", "AES:"];
    logged_in(&daemon, &[&unwrap[..], &["-i", "wrapped", "--application-label", "arrived"]].concat());
    daemon.write("message", [5; 32]);
    assert!(cipher(&daemon, "--encrypt", "AES-CBC", "22", "message", "sealed"));
    assert!(cipher(&daemon, "--decrypt", "AES-CBC", "23", "sealed", "opened"));
    assert_eq!(read(&daemon, "opened"), [5; 32]);
    let text = stdout_of(&mut tool(&daemon, &["--login", "--pin", PIN, "-O", "--type", "secrkey"]));
    assert_eq!(text.matches("Secret Key Object; AES").count(), 2, "{text}");
}
