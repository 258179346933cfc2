//! No function returns a code that PKCS#11 3.2 does not list for it, in any of the situations that a host may meet.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{Daemon, PIN, stdout_of};

use crate::{host::Program, store::Server};

/// What PKCS#11 lists: the module keeps to it, and the program below reads it.
fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pkcs11-shim/src/error/return-values.txt")
}

fn program(mut command: Command, scene: &str) -> Command {
    command.arg(table()).arg(scene);
    command
}

fn daemon_with_key() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon
}

/// The program has no complaint, and has seen the code that the situation is about.
fn assert_fine(said: &str, code: &str) {
    assert!(said.ends_with("ok\n"), "{said}");
    assert!(said.contains(&format!("{code} ")), "{code} never came: {said}");
}

fn scene(scene: &str, code: &str) {
    let daemon = daemon_with_key();
    let said = stdout_of(&mut program(daemon.command(env!("CARGO_BIN_EXE_return-values")), scene));
    assert_fine(&said, code);
}

#[test]
fn before_initialize() {
    scene("not-initialised", "CKR_CRYPTOKI_NOT_INITIALIZED");
}

#[test]
fn with_a_session_or_slot_that_is_none() {
    scene("bad-session", "CKR_SESSION_HANDLE_INVALID");
}

#[test]
fn with_null_for_each_pointer_and_for_all() {
    scene("null", "CKR_ARGUMENTS_BAD");
}

#[test]
fn with_nobody_logged_in() {
    scene("no-login", "CKR_USER_NOT_LOGGED_IN");
}

/// Until the program has prepared its sessions; then to its end.
fn after(mut running: Program, change: impl FnOnce()) -> String {
    assert_eq!(running.line(), "ready");
    change();
    running.say("go on");
    let mut said = String::new();
    while !said.ends_with("ok\n") && !said.ends_with("wrong\n") {
        let line = running.line();
        assert!(!line.is_empty(), "the program has ended: {said}");
        said += &format!("{line}\n");
    }
    said
}

#[test]
fn with_a_daemon_that_has_gone() {
    let mut daemon = daemon_with_key();
    // Many calls wait for a daemon that is gone.
    let conf = format!("endpoint = {}\ntimeout-ms = 400\n", daemon.endpoint());
    fs::write(daemon.path("pkcs11.conf"), conf).unwrap();
    let running = Program::start(&mut program(daemon.command(env!("CARGO_BIN_EXE_return-values")), "gone"));
    assert_fine(&after(running, || daemon.kill()), "CKR_DEVICE_ERROR");
}

#[test]
fn with_a_daemon_that_was_sealed() {
    let mut server = Server::new();
    assert!(server.init(&["--slot", "passphrase", "--passphrase-file", "passphrase"]).status.success());
    server.start(&[]);
    server.cli(&["unseal", "--passphrase-file", "passphrase"]);
    server.cli(&["keyvault", "create", "--name", "dev"]);
    server.cli(&["token", "set-pin", "--pin", PIN]);
    server.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    let running = Program::start(&mut program(server.command(env!("CARGO_BIN_EXE_return-values")), "sealed"));
    let said = after(running, || drop(server.cli(&["seal"])));
    assert_fine(&said, "CKR_DEVICE_REMOVED");
}
