//! A daemon that is not there yet, is sealed, comes, goes and comes back, as programs with the module loaded see it.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use softkeep_tests::{
    Daemon, PIN, module, run,
    tools::{Running, key_uri},
};

use crate::{host::Program, store::Server};

/// What is listed while no daemon has answered.
const NOTHING_YET: &str = "of them 0 present";
/// A look may wait, but not long; the rest is a busy machine.
const SOON_MS: u64 = 5000;

fn daemon_with_keys() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon.cli(&["key", "create", "--name", "rsa", "--kty", "RSA"]);
    daemon
}

/// As before the daemon was ever started: not even a socket.
fn take_away(daemon: &mut Daemon) {
    daemon.kill();
    let _ = fs::remove_file(daemon.socket());
}

fn initialised(daemon: &Daemon) -> Program {
    let mut host = Program::start(&mut daemon.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    host.must("initialize");
    host
}

fn assert_no_token(host: &mut Program) {
    for _ in 0..2 {
        let (ms, slots) = host.ask_for("slots");
        assert_eq!(slots, NOTHING_YET);
        assert!(ms < SOON_MS, "{ms} ms");
        // The numbers are the daemon's: none can be called wrong.
        for slot in [0, 7] {
            assert_eq!(host.must(&format!("slot-flags {slot}")), "+removable");
            for verb in ["token-info", "open-slot"] {
                assert_eq!(host.ask(&format!("{verb} {slot}")), "CKR_TOKEN_NOT_PRESENT", "{verb}");
            }
        }
        assert_eq!(host.ask("event"), "CKR_NO_EVENT");
    }
}

fn assert_event(answer: &str, slot: &str) {
    let words: Vec<&str> = answer.split(' ').collect();
    assert_eq!((words[0], words.get(2)), ("CKR_OK", Some(&slot)), "{answer}");
}

#[test]
fn a_token_appears_in_a_running_program_when_the_daemon_starts() {
    let mut daemon = daemon_with_keys();
    take_away(&mut daemon);
    let mut host = initialised(&daemon);
    assert_no_token(&mut host);
    host.say("wait");
    thread::sleep(Duration::from_millis(500));
    daemon.start_again();
    assert_event(&host.line(), "0");
    // CKF_REMOVABLE_DEVICE never changes.
    assert_eq!(host.must("slots"), "0:present+removable of them 1 present");
    assert_eq!(host.ask("event"), "CKR_NO_EVENT", "each is told once");
    assert_eq!(host.ask("slot-flags 7"), "CKR_SLOT_ID_INVALID", "now it is known");
    for verb in ["token-info 0", "open", &format!("login {PIN}"), "sign ec", "sign rsa"] {
        host.must(verb);
    }
}

#[test]
fn a_token_appears_in_a_running_program_when_the_daemon_is_unsealed() {
    let mut server = Server::new();
    assert!(server.init(&["--slot", "passphrase", "--passphrase-file", "passphrase"]).status.success());
    server.start(&[]);
    let unseal = ["unseal", "--passphrase-file", "passphrase"];
    server.cli(&unseal);
    server.cli(&["keyvault", "create", "--name", "dev"]);
    server.cli(&["token", "set-pin", "--pin", PIN]);
    server.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    server.cli(&["seal"]);
    let mut host = Program::start(&mut server.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    host.must("initialize");
    assert_no_token(&mut host);
    host.say("wait");
    server.cli(&unseal);
    assert_event(&host.line(), "0");
    for verb in ["open", &format!("login {PIN}"), "sign ec"] {
        host.must(verb);
    }
    // Sealed again: the slots are known, and calls say at once what is wrong. Unsealed: they go on.
    for _ in 0..2 {
        server.cli(&["seal"]);
        assert_eq!(host.must("slots"), "0:present+removable of them 1 present");
        let answer = host.tell("sign ec");
        let (rv, ms) = answer.trim().split_once(' ').unwrap();
        assert_eq!(rv, "CKR_DEVICE_REMOVED");
        assert!(ms.parse::<u64>().unwrap() < SOON_MS, "{answer}");
        assert_eq!(host.ask("event"), "CKR_NO_EVENT");
        server.cli(&unseal);
        host.must("sign ec");
    }
}

#[test]
fn a_vault_that_is_made_or_deleted_is_an_event_of_its_slot() {
    let daemon = daemon_with_keys();
    let mut host = initialised(&daemon);
    assert_eq!(host.must("slots"), "0:present of them 1 present", "what was there at first is no event");
    assert_eq!(host.ask("event"), "CKR_NO_EVENT");
    host.say("wait");
    thread::sleep(Duration::from_millis(300));
    daemon.cli(&["keyvault", "create", "--name", "another"]);
    // Without a PIN it would be a token to nobody.
    daemon.cli(&["token", "set-pin", "--vault-name", "another", "--pin", PIN]);
    assert_event(&host.line(), "1");
    assert_eq!(host.must("token-info 1"), "another");
    assert_eq!(host.must("slots"), "0:present 1:present of them 2 present");
    daemon.cli(&["keyvault", "delete", "--name", "another"]);
    host.say("wait");
    assert_event(&host.line(), "1");
    assert_eq!(host.must("slots"), "0:present of them 1 present");
    assert_eq!(host.ask("token-info 1"), "CKR_SLOT_ID_INVALID");
    assert_eq!(host.ask("event"), "CKR_NO_EVENT");
}

#[test]
fn waiting_for_an_event_ends_with_finalize_daemon_or_none() {
    let mut daemon = daemon_with_keys();
    for present in [true, false] {
        if !present {
            take_away(&mut daemon);
        }
        let mut host = initialised(&daemon);
        let answer = host.tell("wait-until-finalize");
        let (rv, ms) = answer.trim().split_once(' ').unwrap();
        assert_eq!(rv, "CKR_CRYPTOKI_NOT_INITIALIZED");
        assert!(ms.parse::<u64>().unwrap() < SOON_MS, "{answer}");
    }
}

#[test]
fn ten_seconds_without_the_daemon_fail_no_call() {
    let mut daemon = daemon_with_keys();
    let mut signing = Program::sign_loop(&daemon, 8);
    let away = Duration::from_secs(10);
    let start = Instant::now();
    daemon.kill();
    // A program that starts meanwhile waits, too.
    let mut late = initialised(&daemon);
    late.say("open");
    thread::sleep(away.saturating_sub(start.elapsed()));
    daemon.start_again();
    assert!(late.line().starts_with("CKR_OK"), "opened when the daemon came");
    late.must(&format!("login {PIN}"));
    late.must("sign ec");
    let signed = signing.signed();
    // Alive, but it does not answer.
    let pid = Pid::from_raw(i32::try_from(daemon.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    late.say("sign rsa");
    thread::sleep(away);
    kill_process(pid, Signal::CONT).unwrap();
    assert!(late.line().starts_with("CKR_OK"));
    softkeep_tests::wait_until("signing on", Duration::from_secs(20), || signing.signed() > signed + 40);
    assert!(signing.finish().starts_with("done"), "no call of it failed");
}

#[test]
fn away_for_longer_than_the_limit_tokens_stay_and_calls_say_so() {
    let mut daemon = daemon_with_keys();
    let conf = format!("endpoint = {}\ntimeout-ms = 1000\n", daemon.endpoint());
    fs::write(daemon.path("pkcs11.conf"), conf).unwrap();
    let mut host = Program::logged_in(&daemon);
    host.must("sign ec");
    take_away(&mut daemon);
    thread::sleep(Duration::from_millis(1200));
    for _ in 0..2 {
        assert_eq!(host.must("slots"), "0:present of them 1 present");
        assert_eq!(host.must("token-info 0"), "dev");
        assert_eq!(host.must("state"), "3", "still logged in: CKS_RW_USER_FUNCTIONS");
        assert_eq!(host.ask("sign ec"), "CKR_DEVICE_ERROR");
        assert_eq!(host.ask("event"), "CKR_NO_EVENT");
    }
    daemon.start_again();
    host.must("sign ec");
    host.must("sign rsa");
    assert_eq!(host.ask("event"), "CKR_NO_EVENT");
}

#[test]
fn a_socket_that_nobody_answers_is_waited_for_once() {
    let mut daemon = daemon_with_keys();
    let conf = format!("endpoint = {}\ntimeout-ms = 3000\n", daemon.endpoint());
    fs::write(daemon.path("pkcs11.conf"), conf).unwrap();
    daemon.kill();
    let mut host = initialised(&daemon);
    let (ms, slots) = host.ask_for("slots");
    assert_eq!(slots, NOTHING_YET);
    assert!((2500..8000).contains(&ms), "waited {ms} ms of 3000");
    let (ms, _) = host.ask_for("slots");
    assert!(ms < 2000, "{ms} ms, and the program hangs whenever it looks");
}

#[test]
fn programs_that_list_tokens_say_soon_that_there_is_none() {
    let mut daemon = daemon_with_keys();
    take_away(&mut daemon);
    let start = Instant::now();
    let slots = run(daemon.tool("pkcs11-tool", "opensc").arg("--module").arg(module()).arg("-L"));
    assert!(String::from_utf8_lossy(&[slots.stdout, slots.stderr].concat()).contains("No slots"));
    let keys = run(daemon.tool("ssh-keygen", "openssh-client").arg("-D").arg(module()));
    assert!(!keys.status.success());
    assert!(start.elapsed() < Duration::from_millis(2 * SOON_MS), "{:?}", start.elapsed());
}

#[test]
fn a_java_program_finds_the_token_of_a_daemon_that_started_later() {
    let mut daemon = daemon_with_keys();
    take_away(&mut daemon);
    let config = format!("name = Softkeep\nlibrary = {}\nslot = 0\n", module().display());
    let config = daemon.write("java.cfg", config);
    let mut java = daemon.tool("java", "default-jdk-headless");
    java.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("java/LateToken.java")).arg(config).arg(PIN);
    let log = fs::File::create(daemon.path("java.log")).unwrap();
    let mut java = Running::start(java.stdout(log.try_clone().unwrap()).stderr(log));
    let said = |daemon: &Daemon| fs::read_to_string(daemon.path("java.log")).unwrap();
    softkeep_tests::wait_until("Java waits", Duration::from_secs(60), || said(&daemon).contains("waiting\n"));
    daemon.start_again();
    softkeep_tests::wait_until("Java ends", Duration::from_secs(60), || !java.is_alive());
    assert!(said(&daemon).contains("signed true\n"), "{}", said(&daemon));
}

#[test]
fn openssls_engine_finds_the_token_of_a_daemon_that_started_later() {
    let mut daemon = daemon_with_keys();
    take_away(&mut daemon);
    let mut engine = daemon.tool("python3", "python3");
    engine.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/late_engine.py")).arg(key_uri("ec"));
    let mut engine = Program::start(&mut engine);
    assert_eq!(engine.line(), "absent");
    assert_eq!(engine.tell("again"), "absent");
    daemon.start_again();
    softkeep_tests::wait_until("the engine has the key", Duration::from_secs(10), || engine.tell("again") == "present");
}
