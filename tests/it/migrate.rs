//! A SoftHSM2 token that the real `softhsm2-util` and `pkcs11-tool` made moves into a vault: what its keys sign and decrypt here fits the
//! public keys from before, and ids, labels, flags, certificates and data are what they were.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use softkeep_tests::{Daemon, PIN, module, output_of, run, stdout_of, tools::tool};

/// The PIN of the token to be migrated.
const OLD_PIN: &str = "old-1234";

fn softhsm_module() -> PathBuf {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
    ];
    let found = places.into_iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("SoftHSM2's module is not there; install the package softhsm2")
}

/// A daemon, and tokens of SoftHSM2 in its folder.
struct Migration {
    daemon: Daemon,
}

impl Migration {
    fn start() -> Self {
        let daemon = Daemon::start();
        fs::create_dir(daemon.path("tokens")).unwrap();
        let tokens = daemon.path("tokens");
        daemon.write(
            "softhsm2.conf",
            format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()),
        );
        daemon.write("old-pin", format!("{OLD_PIN}\n"));
        daemon.write("new-pin", format!("{PIN}\n"));
        let migration = Self { daemon };
        migration.make_token("old");
        migration
    }

    fn old(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.daemon.command(program.as_ref());
        command.env("SOFTHSM2_CONF", self.daemon.path("softhsm2.conf"));
        command
    }

    fn make_token(&self, label: &str) {
        let mut init = self.old(tool("softhsm2-util", "softhsm2"));
        output_of(init.args(["--init-token", "--free", "--label", label, "--pin", OLD_PIN, "--so-pin", "old-so-pin"]));
    }

    /// pkcs11-tool on the old token.
    fn before(&self, args: &[&str]) -> String {
        let mut command = self.old(tool("pkcs11-tool", "opensc"));
        command.arg("--module").arg(softhsm_module()).args(["--token-label", "old", "--login", "--pin", OLD_PIN]);
        stdout_of(command.args(args))
    }

    /// pkcs11-tool on the vault.
    fn after(&self, args: &[&str]) -> String {
        let mut command = self.daemon.tool("pkcs11-tool", "opensc");
        command.arg("--module").arg(module()).args(["--token-label", "dev", "--login", "--pin", PIN]);
        stdout_of(command.args(args))
    }

    fn migrate(&self, args: &[&str]) -> Output {
        let base = ["migrate", "softhsm", "--tokendir", "tokens", "--pin", "@old-pin", "--softkeep-pin", "@new-pin"];
        self.daemon.softkeep(&[&base[..], &["--vault-name", "dev"], args].concat())
    }

    fn migrated(&self, args: &[&str]) -> Value {
        let output = self.migrate(args);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The public key as openssl reads it.
    fn public(&self, id: &str, label: &str, file: &str) {
        let der = format!("{file}.der");
        let listing = self.before(&["--list-objects", "--type", "pubkey"]);
        let points = said(&listing, "Public Key Object", label, &["EC_POINT:"]);
        match points.iter().find_map(|line| line.strip_prefix("EC_POINT:")) {
            None => {
                self.before(&["--read-object", "--type", "pubkey", "--id", id, "-o", &der]);
            }
            // pkcs11-tool cannot read every curve of SoftHSM2: what stands before the point in a SubjectPublicKeyInfo is the same for each
            // key of a curve (RFC 5480).
            Some(point) => {
                let (before, point) = match point.trim() {
                    point if point.starts_with("0441") => {
                        ("3059301306072a8648ce3d020106082a8648ce3d030107034200", &point[4..])
                    }
                    point if point.starts_with("0461") => {
                        ("3076301006072a8648ce3d020106052b81040022036200", &point[4..])
                    }
                    other => panic!("{other}"),
                };
                let hex = format!("{before}{point}");
                let bytes: Vec<u8> =
                    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
                self.daemon.write(&der, bytes);
            }
        }
        output_of(&mut self.daemon.openssl(&["pkey", "-pubin", "-inform", "DER", "-in", &der, "-out", file]));
    }
}

fn keys(migration: &Migration) {
    for (kind, id, label) in [
        ("rsa:2048", "0a01", "web"),
        ("rsa:3072", "0a02", "mail"),
        ("EC:prime256v1", "0b01", "sign"),
        ("EC:secp384r1", "0b02", "x384"),
    ] {
        migration.before(&["--keypairgen", "--key-type", kind, "--id", id, "--label", label]);
    }
}

/// The lines of one object in a listing, those that begin with one of these.
fn said(listing: &str, class: &str, label: &str, lines: &[&str]) -> Vec<String> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in listing.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => block.push(line.trim()),
            _ => blocks.push(vec![line]),
        }
    }
    let label = format!("label:      {label}");
    let wanted = |block: &&Vec<&str>| {
        block[0].starts_with(class)
            && block.iter().any(|line| *line == label || *line == label.replace(": ", ": '") + "'")
    };
    let block = blocks.iter().find(wanted).unwrap_or_else(|| panic!("no {class} {label} in:\n{listing}"));
    block
        .iter()
        .filter(|line| lines.iter().any(|wanted| line.starts_with(wanted)))
        .map(|line| (*line).to_owned())
        .collect()
}

#[test]
fn keys_sign_and_decrypt_as_before() {
    let migration = Migration::start();
    keys(&migration);
    migration.before(&["--keygen", "--key-type", "AES:32", "--id", "0c01", "--label", "wrapper"]);
    migration.before(&["--keypairgen", "--key-type", "EC:edwards25519", "--id", "0d01", "--label", "edwards"]);
    let daemon = &migration.daemon;
    daemon.write("message", "a message from before");
    daemon.write("block", b"0123456789abcdef");
    for (id, label) in [("0a01", "web"), ("0a02", "mail"), ("0b01", "sign"), ("0b02", "x384")] {
        migration.public(id, label, &format!("{label}.pub"));
    }
    migration.before(&["--encrypt", "--mechanism", "AES-ECB", "--id", "0c01", "-i", "block", "-o", "before.aes"]);
    migration.before(&["--sign", "--mechanism", "EDDSA", "--id", "0d01", "-i", "message", "-o", "before.eddsa"]);
    let report = migration.migrated(&[]);
    assert_eq!(
        (&report["failed"], &report["imported"], &report["token"]),
        (&0.into(), &11.into(), &"old".into()),
        "{report:#}"
    );

    for (id, file, mechanism, options) in [
        ("0a01", "web.pub", "SHA256-RSA-PKCS", &["-sha256"][..]),
        ("0a02", "mail.pub", "SHA256-RSA-PKCS", &["-sha256"]),
        ("0b01", "sign.pub", "ECDSA-SHA256", &["-sha256"]),
        ("0b02", "x384.pub", "ECDSA-SHA384", &["-sha384"]),
    ] {
        migration.after(&[
            "--sign",
            "--mechanism",
            mechanism,
            "--id",
            id,
            "-i",
            "message",
            "-o",
            "sig",
            "--signature-format",
            "openssl",
        ]);
        let (public, signature, message) = (daemon.path(file), daemon.path("sig"), daemon.path("message"));
        assert!(daemon.verifies(options, &public, &signature, &message), "{id}");
        fs::remove_file(signature).unwrap();
    }
    let oaep = ["-pkeyopt", "rsa_padding_mode:oaep"];
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "web.pub", "-in", "block", "-out", "hidden"];
    output_of(daemon.openssl(&encrypt).args(oaep));
    let decrypt = ["--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA-1", "--mgf", "MGF1-SHA1"];
    migration.after(&[&decrypt[..], &["--id", "0a01", "-i", "hidden", "-o", "shown"]].concat());
    assert_eq!(fs::read(daemon.path("shown")).unwrap(), b"0123456789abcdef");
    migration.after(&["--encrypt", "--mechanism", "AES-ECB", "--id", "0c01", "-i", "block", "-o", "after.aes"]);
    assert_eq!(fs::read(daemon.path("after.aes")).unwrap(), fs::read(daemon.path("before.aes")).unwrap());
    migration.after(&["--sign", "--mechanism", "EDDSA", "--id", "0d01", "-i", "message", "-o", "after.eddsa"]);
    assert_eq!(
        fs::read(daemon.path("after.eddsa")).unwrap(),
        fs::read(daemon.path("before.eddsa")).unwrap(),
        "Ed25519 signs the same each time"
    );
    // They are keys of the vault like all others.
    let shown = daemon.json(&["key", "show", "--name", "web"]);
    assert_eq!(shown["attributes"]["keySize"], 2048);
}

#[test]
fn ids_labels_flags_certificates_and_data_stay() {
    let migration = Migration::start();
    keys(&migration);
    let daemon = &migration.daemon;
    output_of(&mut daemon.openssl(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-subj", "/CN=ca", "-days", "9", "-out",
        "ca.pem",
    ]));
    output_of(&mut daemon.openssl(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"]));
    migration.before(&["--write-object", "ca.der", "--type", "cert", "--id", "0e01", "--label", "the ca"]);
    daemon.write("note", "a note");
    migration.before(&["--write-object", "note", "--type", "data", "--label", "note", "--application-label", "app"]);
    daemon.write("private note", "a private note");
    migration.before(&["--write-object", "private note", "--type", "data", "--label", "hidden", "--private"]);
    // A key in the clear, which may be read again, and one that only signs.
    output_of(&mut daemon.openssl(&["rand", "-out", "secret", "32"]));
    migration.before(&[
        "--write-object",
        "secret",
        "--type",
        "secrkey",
        "--key-type",
        "AES:32",
        "--id",
        "0f01",
        "--label",
        "open",
        "--extractable",
    ]);
    migration.before(&["--keypairgen", "--key-type", "rsa:2048", "--id", "0f02", "--label", "signs", "--usage-sign"]);
    let listing = migration.before(&["--list-objects"]);
    let report = migration.migrated(&["--token", "old"]);
    assert_eq!(report["failed"], 0, "{report:#}");
    let here = migration.after(&["--list-objects"]);
    for (class, label) in [
        ("Private Key Object", "web"),
        ("Public Key Object", "web"),
        ("Private Key Object", "sign"),
        ("Certificate Object", "the ca"),
        ("Secret Key Object", "open"),
        ("Private Key Object", "signs"),
        ("Public Key Object", "signs"),
    ] {
        let lines = ["label:", "ID:", "subject:"];
        let before = said(&listing, class, label, &lines);
        assert!(before.len() >= 2, "{before:?}");
        assert_eq!(before, said(&here, class, label, &lines));
    }
    migration.after(&["--read-object", "--type", "cert", "--id", "0e01", "-o", "shown.der"]);
    assert_eq!(fs::read(daemon.path("shown.der")).unwrap(), fs::read(daemon.path("ca.der")).unwrap());
    for (label, content) in [("note", "a note"), ("hidden", "a private note")] {
        assert_eq!(migration.after(&["--read-object", "--type", "data", "--label", label]), content);
    }
    for (class, label) in
        [("Private Key Object", "signs"), ("Private Key Object", "web"), ("Secret Key Object", "open")]
    {
        let usage = |listing: &str| said(listing, class, label, &["Usage:"]);
        assert_eq!(usage(&listing), usage(&here), "{class} {label}");
    }
    // Nobody without the PIN sees what was private.
    let mut anybody = daemon.tool("pkcs11-tool", "opensc");
    let public = stdout_of(anybody.arg("--module").arg(module()).args(["--token-label", "dev", "--list-objects"]));
    assert!(!public.contains("hidden") && !public.contains("Private Key"), "{public}");
}

#[test]
fn a_second_run_leaves_out_what_is_there_and_takes_what_is_new() {
    let migration = Migration::start();
    keys(&migration);
    assert_eq!(migration.migrated(&[])["imported"], 8);
    let again = migration.migrated(&[]);
    assert_eq!(
        (&again["imported"], &again["skipped"], &again["failed"]),
        (&0.into(), &8.into(), &0.into()),
        "{again:#}"
    );
    migration.before(&["--keypairgen", "--key-type", "EC:secp521r1", "--id", "0b03", "--label", "late"]);
    // Another key under an id that is taken is another key.
    migration.before(&["--keypairgen", "--key-type", "EC:prime256v1", "--id", "0b01", "--label", "twin"]);
    let third = migration.migrated(&[]);
    assert_eq!((&third["imported"], &third["skipped"]), (&4.into(), &8.into()), "{third:#}");
    let count = migration.after(&["--list-objects", "--type", "privkey"]).matches("Private Key Object").count();
    assert_eq!(count, 6);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let migration = Migration::start();
    keys(&migration);
    let daemon = &migration.daemon;
    let refused = |args: &[&str], exit: i32, words: &str| {
        let output = daemon.softkeep(&[&["migrate", "softhsm"], args].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("  fix: "), "{words}: {stderr}");
    };
    daemon.write("wrong", "nonsense\n");
    refused(
        &["--tokendir", "tokens", "--pin", "@wrong", "--softkeep-pin", "@new-pin"],
        4,
        "not the user PIN of the token 'old'",
    );
    refused(&["--tokendir", "tokens", "--pin", "@old-pin", "--softkeep-pin", "@wrong"], 4, "PIN_INCORRECT");
    refused(&["--tokendir", "nowhere", "--pin", "@old-pin"], 1, "nowhere");
    fs::create_dir(daemon.path("empty")).unwrap();
    refused(&["--tokendir", "empty", "--pin", "@old-pin"], 1, "has no token");
    refused(&["--tokendir", "tokens", "--token", "none", "--pin", "@old-pin"], 1, "no such token");
    fs::create_dir_all(daemon.path("database/token")).unwrap();
    daemon.write("database/token/sqlite3.db", "");
    refused(&["--tokendir", "database", "--pin", "@old-pin"], 1, "database backend");
    migration.make_token("second");
    refused(&["--tokendir", "tokens", "--pin", "@old-pin"], 2, "several tokens");

    // One damaged file is reported, the others come in.
    let folder = fs::read_dir(daemon.path("tokens")).unwrap().map(|entry| entry.unwrap().path());
    let object = folder
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "object") && !path.ends_with("token.object"))
        .unwrap();
    let content = fs::read(&object).unwrap();
    fs::write(&object, &content[..content.len() - 3]).unwrap();
    let output = migration.migrate(&["--token", "old"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["failed"], &report["imported"]), (&1.into(), &7.into()), "{report:#}");
    fs::write(&object, content).unwrap();
    // Whose other half came in first, is there already.
    let rest = migration.migrated(&["--token", "old"]);
    assert_eq!((&rest["found"], &rest["failed"]), (&8.into(), &0.into()), "{rest:#}");
    let dry = run(daemon.command(softkeep_tests::program("softkeep")).args([
        "migrate",
        "softhsm",
        "--tokendir",
        "tokens",
        "--token",
        "old",
        "--pin",
        "@old-pin",
        "--dry-run",
    ]));
    assert!(dry.status.success(), "{dry:?}");
}
