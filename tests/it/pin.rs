//! PINs: guessing is counted and ends, for the guesser alone; changing one ends the logins made with the old one.

use softkeep_tests::{Daemon, PIN, SO_PIN};

use crate::host::Program;

const NOBODY: &str = "65534";

fn daemon_with_key() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon
}

fn lock(host: &mut Program) {
    for attempt in 1..10 {
        assert_eq!(host.ask("login 0000"), "CKR_PIN_INCORRECT", "attempt {attempt}");
    }
    assert_eq!(host.ask("login 0000"), "CKR_PIN_LOCKED", "attempt 10");
    assert_eq!(host.ask(&format!("login {PIN}")), "CKR_PIN_LOCKED", "the right PIN");
}

#[test]
fn ten_wrong_pins_lock_the_guesser_out_past_a_restart_until_unlocked() {
    let mut daemon = daemon_with_key();
    let mut working = Program::logged_in(&daemon);
    assert_eq!(working.ask("sign ec"), "CKR_OK");
    let mut guessing = Program::host(&daemon);
    assert_eq!(guessing.ask_for("pin-locked").1, "false");
    lock(&mut guessing);
    assert_eq!(guessing.ask_for("pin-locked").1, "true");
    assert_eq!(working.ask("sign ec"), "CKR_OK", "who is logged in goes on");

    daemon.kill();
    daemon.start_again();
    assert_eq!(guessing.ask(&format!("login {PIN}")), "CKR_PIN_LOCKED", "after a restart");
    assert_eq!(Program::host(&daemon).ask(&format!("login {PIN}")), "CKR_PIN_LOCKED", "another program of that user");
    assert_eq!(working.ask("sign ec"), "CKR_OK", "who is logged in goes on, after a restart");
    // The SO's PIN is counted by itself.
    assert_eq!(Program::host(&daemon).ask(&format!("login-so {SO_PIN}")), "CKR_OK");

    daemon.cli(&["token", "unlock"]);
    assert_eq!(guessing.ask(&format!("login {PIN}")), "CKR_OK");
    assert_eq!(guessing.ask("sign ec"), "CKR_OK");
}

#[test]
fn one_users_wrong_pins_lock_no_other_user_out() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let daemon = daemon_with_key();
    lock(&mut Program::host(&daemon));
    // The kernel tells the daemon who connects: so the user is changed before the first call.
    let mut other = Program::start(&mut daemon.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    assert_eq!(other.ask_for(&format!("uid {NOBODY}")).1, "0");
    for verb in ["initialize", "open", &format!("login {PIN}"), "sign ec"] {
        assert_eq!(other.ask(verb), "CKR_OK", "{verb}");
    }
    // And the lock of one can be lifted alone.
    let mut second = Program::start(&mut daemon.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    assert_eq!(second.ask_for(&format!("uid {NOBODY}")).1, "0");
    for verb in ["initialize", "open"] {
        assert_eq!(second.ask(verb), "CKR_OK", "{verb}");
    }
    lock(&mut second);
    daemon.cli(&["token", "unlock", "--peer", &format!("uid:{NOBODY}")]);
    assert_eq!(second.ask(&format!("login {PIN}")), "CKR_OK");
    assert_eq!(Program::host(&daemon).ask(&format!("login {PIN}")), "CKR_PIN_LOCKED", "root is still locked out");
}

#[test]
fn a_right_pin_forgets_the_wrong_ones_before_it() {
    let daemon = daemon_with_key();
    let mut host = Program::host(&daemon);
    for _ in 0..3 {
        for _ in 0..5 {
            assert_eq!(host.ask("login 0000"), "CKR_PIN_INCORRECT");
        }
        assert_eq!(host.ask(&format!("login {PIN}")), "CKR_OK");
        assert_eq!(host.ask("logout"), "CKR_OK");
    }
}

#[test]
fn a_pin_set_by_the_administrator_ends_every_login() {
    let daemon = daemon_with_key();
    let mut host = Program::logged_in(&daemon);
    assert_eq!(host.ask("sign ec"), "CKR_OK");
    daemon.cli(&["token", "set-pin", "--pin", "5678"]);
    assert_eq!(host.ask("sign ec"), "CKR_USER_NOT_LOGGED_IN");
    assert_eq!(host.ask("logout"), "CKR_OK");
    assert_eq!(host.ask(&format!("login {PIN}")), "CKR_PIN_INCORRECT", "the old PIN");
    assert_eq!(host.ask("login 5678"), "CKR_OK");
    assert_eq!(host.ask("sign ec"), "CKR_OK");
}

#[test]
fn who_changes_the_pin_stays_logged_in_and_the_others_do_not() {
    let mut daemon = daemon_with_key();
    let (mut changing, mut other) = (Program::logged_in(&daemon), Program::logged_in(&daemon));
    for host in [&mut changing, &mut other] {
        assert_eq!(host.ask("sign ec"), "CKR_OK");
    }
    assert_eq!(changing.ask("set-pin 0000 abcd"), "CKR_PIN_INCORRECT");
    assert_eq!(changing.ask(&format!("set-pin {PIN} abcd")), "CKR_OK");
    assert_eq!(changing.ask("sign ec"), "CKR_OK");
    assert_eq!(other.ask("sign ec"), "CKR_USER_NOT_LOGGED_IN");
    daemon.kill();
    daemon.start_again();
    assert_eq!(changing.ask("sign ec"), "CKR_OK", "the new login outlives a restart");
    assert_eq!(Program::host(&daemon).ask("login abcd"), "CKR_OK");
}

#[test]
fn a_pin_has_four_to_255_bytes() {
    let daemon = daemon_with_key();
    let mut host = Program::logged_in(&daemon);
    let (longest, too_long) = ("9".repeat(255), "9".repeat(256));
    for refused in ["123", &too_long] {
        assert_eq!(host.ask(&format!("set-pin {PIN} {refused}")), "CKR_PIN_LEN_RANGE", "{} bytes", refused.len());
        let output = daemon.softkeep(&["token", "set-pin", "--pin", refused]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("PIN_INVALID"), "{output:?}");
    }
    // A PIN that can be none is wrong, and does not use up an attempt of the ten.
    for _ in 0..12 {
        assert_eq!(Program::host(&daemon).ask(&format!("login {too_long}")), "CKR_PIN_INCORRECT");
    }
    assert_eq!(host.ask(&format!("set-pin {PIN} {longest}")), "CKR_OK");
    assert_eq!(Program::host(&daemon).ask(&format!("login {longest}")), "CKR_OK");
    assert_eq!(host.ask(&format!("set-pin {longest} 4444")), "CKR_OK");
    assert_eq!(host.ask("sign ec"), "CKR_OK");
}
