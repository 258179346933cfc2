//! Keys from creation to purge with the real daemon: kinds, rotation on time and after downtime, backups, soft deletion, and a
//! disabled key in a program that is running.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64ct::{Base64, Encoding};
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use serde_json::Value;
use softkeep_tests::{
    Daemon,
    client::{Client, pin},
    program, run, stdout_of, wait_until,
};
use tempfile::TempDir;

const DAY: u64 = 24 * 3600;

/// How soon a change is felt everywhere.
const SOON: Duration = Duration::from_secs(1);

#[test]
fn every_kind_of_key_is_shown_with_the_members_of_its_jwk() {
    let daemon = Daemon::start();
    let bytes = |value: &Value| Base64::decode_vec(value.as_str().unwrap()).unwrap().len();
    for (kty, flag, size, expected) in [
        ("RSA", "--size", "2048", [("n", 256), ("e", 3)].as_slice()),
        ("RSA-HSM", "--size", "3072", &[("n", 384), ("e", 3)]),
        ("RSA", "--size", "4096", &[("n", 512), ("e", 3)]),
        ("EC", "--curve", "P-256", &[("x", 32), ("y", 32)]),
        ("EC-HSM", "--curve", "P-384", &[("x", 48), ("y", 48)]),
        ("EC", "--curve", "P-521", &[("x", 66), ("y", 66)]),
        ("EC", "--curve", "P-256K", &[("x", 32), ("y", 32)]),
        ("OKP", "--curve", "Ed25519", &[("x", 32)]),
        ("oct-HSM", "--size", "128", &[]),
        ("oct", "--size", "192", &[]),
        ("oct", "--size", "256", &[]),
    ] {
        let name = format!("{kty}-{size}");
        let made = daemon.json(&["key", "create", "--name", &name, "--kty", kty, flag, size]);
        let shown = daemon.json(&["key", "show", "--name", &name]);
        assert_eq!(made, shown, "{name}");
        let key = &shown["key"];
        assert_eq!(key["kty"], kty, "{name}");
        for member in ["n", "e", "x", "y"] {
            match expected.iter().find(|(name, _)| *name == member) {
                Some((_, len)) => assert_eq!(bytes(&key[member]), *len, "{name} {member}"),
                None => assert!(key[member].is_null(), "{name} {member}"),
            }
        }
        let curve = if flag == "--curve" { Value::from(size) } else { Value::Null };
        assert_eq!(key["crv"], curve, "{name}");
        // Nothing secret, whatever the kind.
        for member in ["d", "dp", "dq", "k", "p", "q", "qi", "t"] {
            assert!(key[member].is_null(), "{name} {member}");
        }
        let rotated = daemon.json(&["key", "rotate", "--name", &name]);
        assert_eq!((&rotated["key"]["kty"], &rotated["key"]["keyOps"]), (&key["kty"], &key["keyOps"]), "{name}");
        assert_ne!(rotated["key"]["kid"], key["kid"], "{name}");
    }
}

#[test]
fn what_no_key_can_be_is_refused_and_nothing_is_made() {
    let daemon = Daemon::start();
    for (arguments, code) in [
        (&["--kty", "RSA", "--size", "1024"][..], "KEY_TOO_WEAK"),
        (&["--kty", "RSA", "--size", "2500"], "UNSUPPORTED_ALGORITHM"),
        (&["--kty", "EC", "--curve", "P-256", "--ops", "encrypt"], "INVALID_ARGUMENT"),
        (&["--kty", "EC", "--curve", "P-256", "--ops", "wrapKey"], "INVALID_ARGUMENT"),
        (&["--kty", "RSA-HSM", "--ops", "import", "decrypt"], "INVALID_ARGUMENT"),
        (&["--kty", "RSA", "--ops", "import"], "INVALID_ARGUMENT"),
        (&["--kty", "EC-HSM", "--ops", "import"], "INVALID_ARGUMENT"),
        (&["--kty", "EC", "--not-before", "2030-01-01T00:00:00Z", "--expires", "2029-01-01T00:00:00Z"], "USAGE"),
    ] {
        let refused = daemon.softkeep(&[&["key", "create", "--name", "no"], arguments].concat());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(code), "{arguments:?}: {said}");
    }
    assert_eq!(daemon.json(&["key", "list"]), Value::Array(vec![]));
}

/// `softkeep run` again and again on one folder, with the daemon's clock moved.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("softkeep-test.").tempdir().unwrap())
    }

    fn command(&self, shift_seconds: u64, script: &str) -> Command {
        let mut command = Command::new(program("softkeep"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOFTKEEP")) {
            command.env_remove(name);
        }
        command.args(["run", "--keep", "--data-dir"]).arg(self.0.path()).args(["--", "sh", "-ec", script]);
        command
            .env("SOFTKEEP", program("softkeep"))
            .env("SOFTKEEPD_DEV_CLOCK_SHIFT_SECONDS", shift_seconds.to_string())
            .env("HOME", self.0.path())
            .current_dir(self.0.path());
        command
    }

    /// The script's standard output as JSON, a line a document.
    fn run(&self, shift_seconds: u64, script: &str) -> Vec<Value> {
        let said = stdout_of(&mut self.command(shift_seconds, script));
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

const POLICY: &str = r#"{"lifetimeActions": [{"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Rotate"}},
    {"trigger": {"timeBeforeExpiry": "P10D"}, "action": {"type": "Notify"}}], "attributes": {"expiryTime": "P90D"}}"#;

/// The number of versions, each second for so many seconds.
fn count_versions(seconds: u32) -> String {
    let list = "$SOFTKEEP key list-versions --name k -o json --query 'length(@)'";
    format!("for turn in $(seq {seconds}); do {list}; sleep 1; done")
}

#[test]
fn a_key_is_rotated_on_time_and_once_after_a_long_downtime() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("policy.json"), POLICY).unwrap();
    folder.run(
        0,
        "$SOFTKEEP key create --name k --kty EC -o none
         $SOFTKEEP key rotation-policy update --name k --value policy.json -o none",
    );
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let versions =
        "$SOFTKEEP key list-versions --name k -o json --query '[].attributes.[created, expires]' | tr -d '\\n'; echo";

    // A few seconds before its time: not yet; and then, while the daemon runs.
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let early = 30 * DAY - 6 - (now() - created);
    let counts = folder.run(early, &count_versions(16));
    assert_eq!((&counts[0], counts.last().unwrap()), (&Value::from(1), &Value::from(2)), "{counts:?}");

    // Days in which it should have been rotated three times: once, and the next time counts from then.
    let counts = folder.run(30 * DAY + 100 * DAY, &count_versions(8));
    assert_eq!(counts.last().unwrap(), &Value::from(3), "{counts:?}");
    let counts = folder.run(30 * DAY + 101 * DAY, &count_versions(7));
    assert!(counts.iter().all(|count| *count == 3), "{counts:?}");

    let shown = folder.run(30 * DAY + 101 * DAY, versions);
    let shown = shown[0].as_array().unwrap();
    assert_eq!(shown.len(), 3);
    assert!(shown[0][1].is_null(), "the first is from before the policy");
    assert!(shown.iter().skip(1).all(|version| version[1].is_string()), "{shown:?}");
    let audited = stdout_of(&mut folder.command(30 * DAY + 101 * DAY, "$SOFTKEEP audit tail --lines 1000"));
    let done = |operation: &str| {
        let lines = audited.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["operation"] == operation && line["outcome"] == "done").count()
    };
    // The second version's end came near during the downtime, when it was to be rotated long before.
    assert_eq!((done("key.rotate"), done("key.near-expiry")), (2, 0));
}

fn private_key(session: &Session, label: &str) -> ObjectHandle {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(label.into())];
    session.find_objects(&template).unwrap()[0]
}

fn sign(session: &Session, key: ObjectHandle) -> Result<Vec<u8>, RvError> {
    session.sign(&Mechanism::Ecdsa, key, &[7; 32]).map_err(|error| match error {
        Error::Pkcs11(code, _) => code,
        other => panic!("not a refusal of the module: {other:?}"),
    })
}

#[test]
fn a_disabled_or_deleted_key_is_refused_at_once_in_a_running_program() {
    let client = Client::start();
    let cli = |arguments: &[&str]| drop(client.daemon.cli(&[&["key"], arguments, &["-o", "none"]].concat()));
    cli(&["create", "--name", "k", "--kty", "EC"]);
    let session = client.logged_in();
    let key = private_key(&session, "k");
    let copy = session.copy_object(key, &[Attribute::Token(false)]).unwrap();
    let refused = |what: &str| {
        for key in [key, copy] {
            wait_until(what, SOON, || sign(&session, key).is_err());
        }
    };
    let signs = |what: &str| {
        for key in [key, copy] {
            wait_until(what, SOON, || sign(&session, key).is_ok());
        }
    };
    signs("the first signature");
    cli(&["set-attributes", "--name", "k", "--enabled", "false"]);
    refused("the end of a disabled key");
    assert_eq!(sign(&session, key), Err(RvError::FunctionRejected));
    assert!(String::from_utf8_lossy(&sign_by_cli(&client).stderr).contains("KEY_DISABLED"));
    cli(&["set-attributes", "--name", "k", "--enabled", "true"]);
    signs("an enabled key");
    cli(&["set-attributes", "--name", "k", "--expires", "2001-01-01T00:00:00Z"]);
    refused("the end of an expired key");
    cli(&["set-attributes", "--name", "k", "--expires", "2101-01-01T00:00:00Z"]);
    signs("a key with time");
    cli(&["set-attributes", "--name", "k", "--ops", "verify"]);
    refused("the end of a key that does not sign");
    cli(&["set-attributes", "--name", "k", "--ops", "sign", "verify"]);
    signs("a key that signs again");
    cli(&["delete", "--name", "k"]);
    refused("the end of a deleted key");
    cli(&["recover", "--name", "k"]);
    let again = private_key(&session, "k");
    wait_until("a recovered key", SOON, || sign(&session, again).is_ok());
}

fn sign_by_cli(client: &Client) -> std::process::Output {
    let digest = Base64::encode_string(&[7; 32]);
    client.daemon.softkeep(&["key", "sign", "--name", "k", "--algorithm", "ES256", "--digest", &digest])
}

#[test]
fn a_rotation_disturbs_no_signature_under_way() {
    let client = Client::start();
    client.daemon.cli(&["key", "create", "--name", "k", "--kty", "EC", "-o", "none"]);
    let session = client.logged_in();
    let (stop, signed) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            let session = client.session();
            let (stop, signed) = (&stop, &signed);
            scope.spawn(move || {
                let key = private_key(&session, "k");
                while !stop.load(Ordering::SeqCst) {
                    sign(&session, key).unwrap();
                    signed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for turn in 1..=5 {
            let before = signed.load(Ordering::SeqCst);
            wait_until("signatures", Duration::from_secs(10), || signed.load(Ordering::SeqCst) > before + 10);
            client.daemon.cli(&["key", "rotate", "--name", "k", "-o", "none"]);
            let listed = client.daemon.json(&["key", "list-versions", "--name", "k"]);
            assert_eq!(listed.as_array().unwrap().len(), turn + 1);
        }
        stop.store(true, Ordering::SeqCst);
    });
    // Who looks for the key now finds the new version under its name, and signs with it.
    let key = private_key(&session, "k");
    wait_until("the new version", SOON, || sign(&session, key).is_ok());
}

#[test]
fn a_backup_outlives_a_purge_and_a_programs_signature_still_verifies() {
    let client = Client::start();
    let daemon = &client.daemon;
    daemon.cli(&["key", "create", "--name", "k", "--kty", "EC", "--tags", "a=b", "-o", "none"]);
    let signature = {
        let session = client.logged_in();
        let signature = sign(&session, private_key(&session, "k")).unwrap();
        session.logout().unwrap();
        signature
    };
    daemon.cli(&["key", "rotate", "--name", "k", "-o", "none"]);
    let before = daemon.json(&["key", "list-versions", "--name", "k"]);
    daemon.cli(&["key", "backup", "--name", "k", "--file", "k.backup"]);
    let stderr = |arguments: &[&str]| String::from_utf8_lossy(&daemon.softkeep(arguments).stderr).into_owned();
    let restore = ["key", "restore", "--file", "k.backup"];
    assert!(stderr(&restore).contains("ALREADY_EXISTS"));
    daemon.cli(&["key", "delete", "--name", "k", "-o", "none"]);
    assert!(stderr(&restore).contains("NAME_DELETED"));
    assert!(stderr(&["key", "create", "--name", "k", "--kty", "EC"]).contains("NAME_DELETED"));
    let shown = daemon.json(&["key", "show-deleted", "--name", "k"]);
    assert!(shown["scheduledPurgeDate"].is_string() && shown["deletedDate"].is_string(), "{shown}");
    daemon.cli(&["key", "purge", "--name", "k"]);
    assert!(stderr(&["key", "show-deleted", "--name", "k"]).contains("KEY_NOT_FOUND"));

    // Half of it, and a daemon that is not this one, take nothing in.
    let backup = std::fs::read(daemon.path("k.backup")).unwrap();
    std::fs::write(daemon.path("half.backup"), &backup[..backup.len() / 2]).unwrap();
    assert!(stderr(&["key", "restore", "--file", "half.backup"]).contains("BACKUP_INVALID"));
    let other = Daemon::start();
    let elsewhere = other.softkeep(&["key", "restore", "--file", daemon.path("k.backup").to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("BACKUP_INVALID"));
    assert_eq!(daemon.json(&["key", "list"]), Value::Array(vec![]));

    daemon.cli(&restore);
    assert_eq!(daemon.json(&["key", "list-versions", "--name", "k"]), before);
    let session = client.session();
    session.login(UserType::User, Some(&pin(softkeep_tests::PIN))).unwrap();
    let first = before[0]["kid"].as_str().unwrap().rsplit('/').next().unwrap();
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(format!("k/{first}").into())];
    let public = session.find_objects(&template).unwrap()[0];
    session.verify(&Mechanism::Ecdsa, public, &[7; 32], &signature).unwrap();
    sign(&session, private_key(&session, "k")).unwrap();
}

#[test]
fn purge_protection_holds() {
    let daemon = Daemon::start();
    daemon.cli(&["keyvault", "update", "--name", "dev", "--enable-purge-protection", "true", "-o", "none"]);
    daemon.cli(&["key", "create", "--name", "k", "--kty", "EC", "-o", "none"]);
    daemon.cli(&["key", "delete", "--name", "k", "-o", "none"]);
    let refused = run(daemon.command(program("softkeep")).args(["key", "purge", "--name", "k"]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("PURGE_PROTECTED"));
    assert_eq!(refused.status.code(), Some(4));
    daemon.cli(&["key", "recover", "--name", "k", "-o", "none"]);
}
