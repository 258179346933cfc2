//! The daemon is killed and started again: programs carry on with the same handles and login, and what was acknowledged is there.

use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use softkeep_tests::{Daemon, VAULT, program, wait_until};

use crate::host::Program;

const ROUNDS: u32 = 15;
/// Starting a daemon and connecting on a busy machine.
const PROGRESS_LIMIT: Duration = Duration::from_secs(20);

fn assert_audit_intact(daemon: &Daemon) {
    let report = daemon.json(&["audit", "verify"]);
    assert_eq!(report["intact"], true, "{report}");
}

#[test]
fn a_signing_program_carries_on_when_the_daemon_is_killed_and_comes_back() {
    let mut daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "rsa", "--kty", "RSA"]);
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    let mut signing = Program::sign_loop(&daemon, 4);
    for pause_seconds in [0, 1, 5] {
        let before = signing.signed();
        wait_until("signing", PROGRESS_LIMIT, || signing.signed() > before + 40);
        daemon.kill();
        thread::sleep(Duration::from_secs(pause_seconds));
        daemon.start_again();
        let before = signing.signed();
        wait_until("signing on", PROGRESS_LIMIT, || signing.signed() > before + 40);
        assert_audit_intact(&daemon);
    }
    // The program itself has checked every signature, and that its handles are still those of the keys.
    assert!(signing.finish().starts_with("done"));
    let lines = daemon.audit_lines();
    let logins = lines.iter().filter(|line| line["operation"] == "login" && line["outcome"] == "allowed").count();
    assert_eq!(logins, 1, "no second login");
}

#[test]
fn every_acknowledged_key_outlives_a_kill_at_any_moment() {
    let mut daemon = Daemon::start();
    let endpoint = daemon.endpoint();
    let (acknowledged, stop) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let create = || {
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("key-{number}");
            let mut cli = Command::new(program("softkeep"));
            cli.env("SOFTKEEP_ENDPOINT", &endpoint).env("SOFTKEEP_VAULT", VAULT);
            let output =
                cli.args(["key", "create", "--kty", "EC", "--curve", "P-256", "--name", &name]).output().unwrap();
            if output.status.success() {
                acknowledged.lock().unwrap().insert(name);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(create);
        // The thread ends also when a check below fails.
        let _stop = Stop(&stop);
        for round in 0..ROUNDS {
            let before = acknowledged.lock().unwrap().len();
            wait_until("a key was made", PROGRESS_LIMIT, || acknowledged.lock().unwrap().len() > before);
            let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
            thread::sleep(Duration::from_micros(u64::from(nanos % 120_000)));
            daemon.kill();
            daemon.start_again();
            let expected = acknowledged.lock().unwrap().clone();
            let listed: BTreeSet<String> = names(&daemon).collect();
            let lost: Vec<_> = expected.difference(&listed).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged and gone: {lost:?}");
            let last = expected.last().unwrap();
            fs::write(daemon.path("message"), format!("round {round}")).unwrap();
            daemon.cli(&["key", "sign", "--name", last, "--algorithm", "ES256", "--in", "message"]);
            assert_audit_intact(&daemon);
        }
    });
    assert!(acknowledged.lock().unwrap().len() >= ROUNDS as usize);
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn names(daemon: &Daemon) -> impl Iterator<Item = String> {
    let list = daemon.json(&["key", "list"]);
    let names = list.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned());
    names.collect::<Vec<_>>().into_iter()
}

#[test]
fn a_daemon_that_stays_away_costs_the_set_time_and_device_error_and_nothing_after() {
    let mut daemon = Daemon::start();
    let conf = format!("endpoint = {}\ntimeout-ms = 1000\n", daemon.endpoint());
    fs::write(daemon.path("pkcs11.conf"), conf).unwrap();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    let mut host = Program::logged_in(&daemon);
    assert_eq!(host.ask("sign ec"), "CKR_OK");
    daemon.kill();
    for _ in 0..2 {
        let answer = host.tell("sign ec");
        let (rv, ms) = answer.split_once(' ').unwrap();
        assert_eq!(rv, "CKR_DEVICE_ERROR", "{answer}");
        let ms: u64 = ms.trim().parse().unwrap();
        assert!((900..3000).contains(&ms), "waited {ms} ms of 1000");
    }
    daemon.start_again();
    assert_eq!(host.ask("sign ec"), "CKR_OK", "same handles, no second login");
}
