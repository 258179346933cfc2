//! OpenSC's `pkcs11-tool`: every mechanism of RSA and EC keys by its name there, digests, random bytes, PINs,
//! identifiers, and its own test of `fork()`. OpenSSL has the other half of each.

use std::fs;

use softkeep_tests::{Daemon, PIN, SO_PIN, output_of, run, stdout_of};

use crate::pkcs11_tool::{logged_in, public, sign, tool};

/// The hashes, as the tool and as OpenSSL name them.
const HASHES: [(&str, &str); 5] =
    [("SHA1", "sha1"), ("SHA224", "sha224"), ("SHA256", "sha256"), ("SHA384", "sha384"), ("SHA512", "sha512")];

/// Whether the module itself says that a signature is right, without a login.
fn module_agrees(daemon: &Daemon, id: &str, options: &[&str], file: &str) -> bool {
    let mut command = tool(daemon, &["--verify", "--id", id, "--signature-file", "signature", "-i", file, "-m"]);
    String::from_utf8_lossy(&run(command.args(options)).stdout).contains("Signature is valid")
}

#[test]
fn every_hash_of_every_signature_is_verified_by_both_sides() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "rsa:2048", "--id", "a1", "--label", "rsa"]);
    logged_in(&daemon, &["--keypairgen", "--key-type", "EC:secp384r1", "--id", "b1", "--label", "ec"]);
    let (rsa, ec) = (daemon.download("rsa"), daemon.download("ec"));
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    let der = ["--signature-format", "openssl"];
    for (hash, option) in HASHES {
        let option = format!("-{option}");
        for (mechanism, id, public_key, verify, format) in [
            (format!("{hash}-RSA-PKCS"), "a1", &rsa, &[][..], &[][..]),
            (format!("{hash}-RSA-PKCS-PSS"), "a1", &rsa, &pss, &[]),
            (format!("ECDSA-{hash}"), "b1", &ec, &[], &der),
        ] {
            let options = [&[mechanism.as_str()], format].concat();
            let signature = sign(&daemon, id, &options, &file);
            let verify = [&[option.as_str()], verify].concat();
            assert!(daemon.verifies(&verify, public_key, &signature, &file), "{mechanism}");
            assert!(!daemon.verifies(&verify, public_key, &signature, &other), "{mechanism}: any file would do");
            assert!(module_agrees(&daemon, id, &options, "message"), "{mechanism}");
            assert!(!module_agrees(&daemon, id, &options, "other"), "{mechanism}: the module accepts any file");
        }
    }
    assert_eq!((daemon.module_uses("sign", "rsa"), daemon.module_uses("sign", "ec")), (10, 5));
    // A file of more than one buffer is signed in parts.
    let long = daemon.write("long", vec![7; 100_000]);
    for (id, public_key, options) in
        [("a1", &rsa, &["SHA256-RSA-PKCS"][..]), ("b1", &ec, &["ECDSA-SHA256", "--signature-format", "openssl"])]
    {
        let signature = sign(&daemon, id, options, &long);
        assert!(daemon.verifies(&["-sha256"], public_key, &signature, &long), "{options:?}");
    }
}

#[test]
fn the_bare_rsa_operation_is_undone_by_openssl() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "rsa:3072", "--id", "a1", "--label", "rsa"]);
    let public_key = daemon.download("rsa");
    let block = daemon.write("block", [&[0][..], &[1; 383]].concat());
    let signature = sign(&daemon, "a1", &["RSA-X-509"], &block);
    let mut recover = daemon.openssl(&["pkeyutl", "-verifyrecover", "-pkeyopt", "rsa_padding_mode:none", "-pubin"]);
    output_of(recover.arg("-inkey").arg(public_key).arg("-in").arg(signature).args(["-out", "recovered"]));
    assert_eq!(fs::read(daemon.path("recovered")).unwrap(), fs::read(block).unwrap());
}

#[test]
fn oaep_of_every_hash_is_opened() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "rsa:2048", "--id", "a1", "--label", "rsa"]);
    let public_key = daemon.download("rsa");
    daemon.write("secret", "what is inside");
    for (hash, option) in HASHES {
        let [digest, mgf] = [format!("rsa_oaep_md:{option}"), format!("rsa_mgf1_md:{option}")];
        let mut encrypt = daemon.openssl(&["pkeyutl", "-encrypt", "-pubin", "-in", "secret", "-out", "sealed"]);
        encrypt.args(["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &digest, "-pkeyopt", &mgf]);
        output_of(encrypt.arg("-inkey").arg(&public_key));
        let name = hash.replace("SHA1", "SHA-1");
        let options = ["-m", "RSA-PKCS-OAEP", "--hash-algorithm", &name, "--mgf", &format!("MGF1-{hash}")];
        let files = ["--decrypt", "--id", "a1", "-i", "sealed", "-o", "opened"];
        logged_in(&daemon, &[&files[..], &options].concat());
        assert_eq!(fs::read(daemon.path("opened")).unwrap(), b"what is inside", "{hash}");
        fs::remove_file(daemon.path("opened")).unwrap();
    }
}

#[test]
fn digests_and_random_bytes() {
    let daemon = Daemon::start();
    let file = daemon.write("message", vec![3; 5000]);
    for (hash, option) in HASHES {
        let name = hash.replace("SHA1", "SHA-1");
        public(&daemon, &["--hash", "-m", &name, "-i", "message", "-o", "digest"]);
        let expected = fs::read(daemon.digest(option, &file)).unwrap();
        assert_eq!(fs::read(daemon.path("digest")).unwrap(), expected, "{hash}");
    }
    for name in ["one", "two"] {
        public(&daemon, &["--generate-random", "64", "-o", name]);
    }
    let [one, two] = ["one", "two"].map(|name| fs::read(daemon.path(name)).unwrap());
    assert!(one.len() == 64 && one != two && one != [0; 64], "{one:?}");
}

#[test]
fn pins_are_set_and_changed() {
    let daemon = Daemon::start();
    daemon.make_key("ec", &["--kty", "EC"]);
    let sees_keys = |pin: &str| {
        let output = run(&mut tool(&daemon, &["--login", "--pin", pin, "-O"]));
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Private Key Object")
    };
    public(&daemon, &["--login", "--pin", PIN, "--change-pin", "--new-pin", "new-pin"]);
    assert!(sees_keys("new-pin") && !sees_keys(PIN));
    public(&daemon, &["--login", "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--pin", "third"]);
    assert!(sees_keys("third") && !sees_keys("new-pin"));
    let refused = run(&mut tool(
        &daemon,
        &["--login", "--login-type", "so", "--so-pin", "87654321", "--init-pin", "--pin", "fourth"],
    ));
    assert!(!refused.status.success() && sees_keys("third"), "anybody could set the PIN");
}

#[test]
fn an_identifier_is_changed_and_a_public_key_is_read() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "EC:prime256v1", "--id", "a1", "--label", "ec"]);
    let pem = daemon.download("ec");
    logged_in(&daemon, &["--set-id", "c0ffee", "--id", "a1", "--type", "privkey"]);
    let listed = logged_in(&daemon, &["-O", "--type", "privkey"]);
    assert!(listed.contains("ID:         c0ffee"), "{listed}");
    let file = daemon.write("message", "what is signed");
    let signature = sign(&daemon, "c0ffee", &["ECDSA-SHA256", "--signature-format", "openssl"], &file);
    assert!(daemon.verifies(&["-sha256"], &pem, &signature, &file));
    public(&daemon, &["--read-object", "--type", "pubkey", "--label", "ec", "-o", "public.der"]);
    let read = stdout_of(&mut daemon.openssl(&["pkey", "-pubin", "-inform", "DER", "-in", "public.der"]));
    assert_eq!(read, fs::read_to_string(pem).unwrap());
}

#[test]
fn its_tests_of_fork_and_of_interfaces_find_what_they_look_for() {
    let daemon = Daemon::start();
    let report = logged_in(&daemon, &["--test-fork"]);
    assert!(report.contains("*** Calling C_Initialize in forked child process ***"), "{report}");
    let interfaces = public(&daemon, &["--list-interfaces"]);
    let versions: Vec<&str> = interfaces.lines().filter_map(|line| line.strip_prefix("  version: ")).collect();
    assert_eq!(versions, ["3.2", "3.0", "2.40"]);
}

#[test]
fn its_tests_of_ec_and_of_requests_find_nothing_wrong() {
    let daemon = Daemon::start();
    let ec = ["--session-rw", "--test-ec", "--id", "e1", "--key-type", "EC:prime256v1"];
    let report = logged_in(&daemon, &ec);
    assert!(report.contains("==> OK"), "{report}");
    // It names the certificate whose subject the request has.
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "2", "-outform", "DER"];
    output_of(daemon.openssl(&make).args(["-keyout", "x.key", "-out", "x.der"]));
    let report = logged_in(&daemon, &["--session-rw", "--moz-cert", "x.der", "--id", "aa", "--key-type", "rsa:2048"]);
    assert!(report.contains("==> OK"), "{report}");
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 0);
}
