//! Vaults and groups with the real daemon, by the CLI and by a program with the module loaded: deleted and recovered whole, purged by hand
//! and when their time has come.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use serde_json::Value;
use softkeep_tests::{Daemon, VAULT, client::Client, program, tools::moved_clock, wait_until};

/// The daemon looks every five seconds for what is due.
const DUE_LIMIT: Duration = Duration::from_secs(20);
/// How soon a change shows at the other door.
const SOON: Duration = Duration::from_secs(1);

fn vault(daemon: &Daemon, args: &[&str]) -> Value {
    daemon.json(&[&["keyvault"], args].concat())
}

/// A command that must fail: its exit code and its error code.
fn refused(daemon: &Daemon, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = daemon.softkeep(args);
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(!status.success() && stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&stdout));
    assert!(stderr.contains("fix: "), "{args:?}: {stderr}");
    let code = stderr.lines().find_map(|line| line.trim().strip_prefix("code: ")).unwrap_or_default();
    (status.code().unwrap(), code.split(' ').next().unwrap_or_default().to_owned())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn private_key(session: &Session, label: &str) -> ObjectHandle {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(label.into())];
    session.find_objects(&template).unwrap()[0]
}

fn sign(session: &Session, key: ObjectHandle) -> Result<Vec<u8>, Error> {
    session.sign(&Mechanism::Ecdsa, key, &[7; 32])
}

fn code<T>(result: Result<T, Error>) -> Option<RvError> {
    match result {
        Ok(_) => None,
        Err(Error::Pkcs11(code, _)) => Some(code),
        Err(other) => panic!("not the module's: {other}"),
    }
}

#[test]
fn a_group_takes_its_vault_along_and_recovery_brings_back_both() {
    let daemon = Daemon::start();
    let group = daemon.json(&["group", "create", "-n", "ContosoResourceGroup", "-l", "East Asia"]);
    assert_eq!(group["location"], "eastasia");
    let args = ["create", "--name", "ContosoKeyVault", "--resource-group", "contosoresourcegroup", "--sku", "Premium"];
    let made = vault(&daemon, &args);
    assert_eq!((&made["location"], &made["resourceGroup"]), (&"eastasia".into(), &"ContosoResourceGroup".into()));
    let properties = &made["properties"];
    assert_eq!((&properties["sku"]["name"], &properties["softDeleteRetentionInDays"]), (&"premium".into(), &90.into()));
    assert_eq!(properties["vaultUri"], "https://contosokeyvault.vault.localhost/");
    assert_eq!(properties["accessPolicies"].as_array().unwrap().len(), 3);
    daemon.cli(&["keyvault", "key", "create", "--vault-name", "ContosoKeyVault", "--name", "k", "--protection", "hsm"]);
    let key = ["key", "show", "--vault-name", "ContosoKeyVault", "--name", "k"];
    let before = vault(&daemon, &key);
    assert_eq!(names(&vault(&daemon, &["list", "--resource-group", "ContosoResourceGroup"])), ["ContosoKeyVault"]);

    daemon.cli(&["group", "delete", "--name", "ContosoResourceGroup", "--yes"]);
    assert_eq!(refused(&daemon, &["group", "show", "-n", "ContosoResourceGroup"]), (3, "GROUP_NOT_FOUND".into()));
    assert_eq!(names(&vault(&daemon, &["list"])), [VAULT]);
    assert_eq!(names(&vault(&daemon, &["list-deleted"])), ["ContosoKeyVault"]);
    let deleted = vault(&daemon, &["show-deleted", "--name", "ContosoKeyVault"]);
    let date = |name: &str| deleted["properties"][name].as_str().unwrap().to_owned();
    assert!(date("deletionDate") < date("scheduledPurgeDate"), "{deleted}");
    let show = ["keyvault", "show", "--name", "ContosoKeyVault"];
    assert_eq!(refused(&daemon, &show), (3, "VAULT_NOT_FOUND".into()));
    let create = ["keyvault", "create", "--name", "CONTOSOKEYVAULT"];
    assert_eq!(refused(&daemon, &create), (1, "NAME_DELETED".into()));
    assert_eq!(vault(&daemon, &["check-name", "--name", "contosokeyvault"])["reason"], "AlreadyExists");

    let recovered = vault(&daemon, &["recover", "--name", "ContosoKeyVault"]);
    assert_eq!(
        (&recovered["id"], &recovered["properties"]["softkeep"]["slotId"]),
        (&made["id"], &properties["softkeep"]["slotId"])
    );
    assert_eq!(vault(&daemon, &key), before);
    assert_eq!(daemon.json(&["group", "show", "-n", "ContosoResourceGroup"])["location"], "eastasia");
}

#[test]
fn what_cannot_be_is_refused_with_its_own_code() {
    let daemon = Daemon::start();
    let create = |more: &[&str]| refused(&daemon, &[&["keyvault", "create"], more].concat());
    assert_eq!(create(&["--name", "1ab"]), (1, "INVALID_ARGUMENT".into()));
    assert_eq!(create(&["--name", "a--b"]), (1, "INVALID_ARGUMENT".into()));
    assert_eq!(create(&["--name", "fresh", "-g", "nowhere"]), (3, "GROUP_NOT_FOUND".into()));
    assert_eq!(create(&["--name", "fresh", "-l", "a/b"]), (1, "INVALID_ARGUMENT".into()));
    assert_eq!(create(&["--name", VAULT]), (1, "ALREADY_EXISTS".into()));
    assert_eq!(refused(&daemon, &["keyvault", "recover", "--name", VAULT]), (3, "VAULT_NOT_FOUND".into()));
    assert_eq!(refused(&daemon, &["keyvault", "purge", "--name", VAULT]), (3, "VAULT_NOT_FOUND".into()));
    assert_eq!(refused(&daemon, &["group", "delete", "--name", "nowhere", "--yes"]), (3, "GROUP_NOT_FOUND".into()));
    let update = |more: &[&str]| refused(&daemon, &[&["keyvault", "update", "--name", VAULT], more].concat());
    assert_eq!(update(&["--retention-days", "7"]), (1, "INVALID_ARGUMENT".into()));
    vault(&daemon, &["update", "--name", VAULT, "--enable-purge-protection", "true"]);
    assert_eq!(update(&["--enable-purge-protection", "false"]), (1, "INVALID_ARGUMENT".into()));
    daemon.cli(&["keyvault", "delete", "--name", VAULT]);
    assert_eq!(refused(&daemon, &["keyvault", "purge", "--name", VAULT]), (4, "PURGE_PROTECTED".into()));
    assert_eq!(names(&vault(&daemon, &["list-deleted"])), [VAULT]);
}

#[test]
fn a_logged_in_program_loses_a_deleted_vault_within_a_second_and_has_it_back_with_its_recovery() {
    let client = Client::start();
    let daemon = &client.daemon;
    daemon.cli(&["key", "create", "--name", "web", "--kty", "EC", "--curve", "P-256"]);
    let session = client.logged_in();
    let key = private_key(&session, "web");
    let secret = [Attribute::Token(false), Attribute::ValueLen(32.into()), Attribute::Encrypt(true)];
    let session_key = session.generate_key(&Mechanism::AesKeyGen, &secret).unwrap();
    let encrypt = || session.encrypt(&Mechanism::AesCbcPad([1; 16]), session_key, b"known again");
    sign(&session, key).unwrap();
    let encrypted = encrypt().unwrap();

    daemon.cli(&["keyvault", "delete", "--name", VAULT]);
    wait_until("refusing", SOON, || sign(&session, key).is_err());
    assert!(code(sign(&session, key)).is_some() && code(encrypt()).is_some());
    daemon.cli(&["keyvault", "recover", "--name", VAULT]);
    wait_until("signing again", SOON, || sign(&session, key).is_ok());
    assert_eq!(encrypt().unwrap(), encrypted);

    daemon.cli(&["keyvault", "delete", "--name", VAULT]);
    daemon.cli(&["keyvault", "purge", "--name", VAULT]);
    assert!(code(sign(&session, key)).is_some() && code(encrypt()).is_some());
    // Another vault of the same name is another token: neither the login nor a session object is good in it.
    vault(daemon, &["create", "--name", VAULT]);
    daemon.cli(&["key", "create", "--name", "web", "--kty", "EC", "--curve", "P-256"]);
    assert!(code(sign(&session, key)).is_some() && code(encrypt()).is_some());
    let slots = client.pkcs11().get_slots_with_token().unwrap();
    assert!(!slots.contains(&client.slot), "a slot is given once: {slots:?}");
}

#[test]
fn the_daemon_purges_what_is_due_also_what_was_due_while_it_was_stopped() {
    let mut daemon = Daemon::start_in(&[], moved_clock);
    for (name, days) in [("week", "7"), ("month", "30"), ("year", "90")] {
        vault(&daemon, &["create", "--name", name, "--retention-days", days, "--enable-purge-protection", "true"]);
        daemon.cli(&["keyvault", "key", "create", "--vault-name", name, "--name", "k", "--kty", "EC"]);
        daemon.cli(&["keyvault", "delete", "--name", name]);
    }
    let deleted = |daemon: &Daemon| vault(daemon, &["list-deleted"]).as_array().unwrap().len();
    daemon.write("clock", "+6d\n");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(deleted(&daemon), 3);
    daemon.write("clock", "+8d\n");
    wait_until("purging", DUE_LIMIT, || deleted(&daemon) == 2);
    let purged = |line: &Value| {
        line["operation"] == "vault.purge"
            && line["outcome"] == "done"
            && line["vault"] == "week"
            && line["caller"] == "softkeepd"
    };
    // Its name is free before all its rows are gone, and only then is it on record as done.
    wait_until("the record", DUE_LIMIT, || daemon.audit_lines().iter().any(purged));

    daemon.kill();
    daemon.write("clock", "+31d\n");
    daemon.start_again();
    wait_until("purging", DUE_LIMIT, || deleted(&daemon) == 1);
    let again = ["recover", "--name", "year"];
    assert_eq!(vault(&daemon, &again)["name"], "year");
    vault(&daemon, &["create", "--name", "month"]);
}

/// Killed at whatever moment: either the vault can still be recovered, or its name is free and nothing of it is left over.
#[test]
fn a_purge_that_is_killed_has_happened_or_not() {
    let mut daemon = Daemon::start();
    for (round, pause) in [0, 4, 8, 16, 32, 64].map(Duration::from_millis).into_iter().enumerate() {
        let name = format!("vault{round}");
        vault(&daemon, &["create", "--name", &name]);
        for key in 0..50 {
            daemon.cli(&["key", "create", "--vault-name", &name, "--name", &format!("k{key}"), "--kty", "EC"]);
        }
        daemon.cli(&["keyvault", "delete", "--name", &name]);
        let mut purge = daemon.command(program("softkeep"));
        let mut purge = purge.args(["keyvault", "purge", "--name", &name]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(pause);
        daemon.kill();
        daemon.start_again();
        purge.wait().unwrap();
        if names(&vault(&daemon, &["list-deleted"])).contains(&name.as_str()) {
            vault(&daemon, &["recover", "--name", &name]);
        } else {
            vault(&daemon, &["create", "--name", &name]);
            daemon.cli(&["key", "create", "--vault-name", &name, "--name", "k7", "--kty", "EC"]);
        }
        let digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        daemon.cli(&["key", "sign", "--vault-name", &name, "--name", "k7", "-a", "ES256", "--digest", digest]);
        let status = daemon.json(&["status"]);
        assert_eq!(status["damagedRecords"], serde_json::json!([]), "{status}");
        assert_eq!(daemon.json(&["audit", "verify"])["intact"], true);
    }
}
