//! Many processes in one token: a login is each one's own, and what one does, or how it ends, is nothing to the others.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use softkeep_tests::{Daemon, PIN, VAULT};

use crate::host::Program;

const PROCESSES: usize = 10;
/// CKS_RW_PUBLIC_SESSION and CKS_RW_USER_FUNCTIONS.
const PUBLIC: &str = "2";
const LOGGED_IN: &str = "3";
/// A signature takes milliseconds; a time limit of the module's, or of a lock, would be much more.
const A_MOMENT: Duration = Duration::from_secs(5);

fn daemon_with_keys() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon.cli(&["key", "create", "--name", "rsa", "--kty", "RSA"]);
    daemon
}

#[test]
fn ten_log_in_at_once_and_one_that_has_not_sees_nothing_private() {
    let daemon = daemon_with_keys();
    let mut stranger = Program::host(&daemon);
    let mut hosts: Vec<Program> = (0..PROCESSES).map(|_| Program::host(&daemon)).collect();
    let together = Barrier::new(PROCESSES);
    thread::scope(|scope| {
        for host in &mut hosts {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                host.must(&format!("login {PIN}"));
                for _ in 0..20 {
                    host.must("sign ec");
                    host.must("sign rsa");
                }
            });
        }
        // Meanwhile and afterwards.
        for _ in 0..20 {
            assert_nothing_private(&mut stranger);
        }
    });
    assert_nothing_private(&mut stranger);
    // Handles are numbers of one process: another's mean nothing here, and none of them opens a private key.
    let handle: u64 = hosts[0].must("private-handle ec").parse().unwrap();
    for guess in (1..handle + 20).map(|handle| format!("sign-with-handle {handle}")) {
        let rv = stranger.ask(&guess);
        assert!(["CKR_KEY_HANDLE_INVALID", "CKR_KEY_FUNCTION_NOT_PERMITTED"].contains(&&rv[..]), "{guess}: {rv}");
    }
    let uses = daemon.module_uses("sign", "ec") + daemon.module_uses("sign", "rsa");
    assert_eq!(uses, PROCESSES * 40, "each signature is in the audit log, and no more");

    // One logs out, one is refused, one logs in again: each for itself.
    hosts[0].must("logout");
    assert_eq!(stranger.ask("login 4321"), "CKR_PIN_INCORRECT");
    assert_nothing_private(&mut stranger);
    assert_nothing_private(&mut hosts[0]);
    for host in &mut hosts[1..] {
        assert_eq!(host.must("state"), LOGGED_IN);
        host.must("sign ec");
    }
    stranger.must(&format!("login {PIN}"));
    stranger.must("sign ec");
    assert_nothing_private(&mut hosts[0]);
}

fn assert_nothing_private(host: &mut Program) {
    assert_eq!(host.must("state"), PUBLIC);
    assert_eq!(host.must("find-private"), "0");
    assert_eq!(host.ask("sign ec"), "CKR_KEY_HANDLE_INVALID");
}

#[test]
fn those_that_are_killed_or_stopped_amid_calls_keep_nobody_waiting() {
    let daemon = daemon_with_keys();
    let mut host = Program::logged_in(&daemon);
    host.must("sign ec");
    let mut others: Vec<Program> = (0..4).map(|_| Program::sign_loop(&daemon, 4)).collect();
    let mut sign = |what: &str| {
        for _ in 0..5 {
            let start = Instant::now();
            host.must("sign ec");
            host.must("sign rsa");
            assert!(start.elapsed() < A_MOMENT, "{what}: {:?}", start.elapsed());
        }
    };
    sign("beside four busy ones");
    // Stopped with requests on the way and replies that nobody reads.
    others[0].stop();
    sign("one is stopped");
    for other in others.drain(..) {
        other.kill();
        sign("one is killed");
    }
    // In the middle of a login.
    for _ in 0..3 {
        let mut other = Program::host(&daemon);
        other.say(&format!("login {PIN}"));
        other.kill();
        sign("one is killed while it logs in");
    }
    assert_eq!(host.must("state"), LOGGED_IN);
    assert_eq!(daemon.json(&["token", "show", "--vault-name", VAULT])["failures"], serde_json::json!([]));
}
