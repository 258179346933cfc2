//! What fork() does to a logged-in program: parent and child go on, nobody hangs, nothing of the host's is closed.

use std::{process::Command, thread, time::Duration};

use softkeep_tests::{Daemon, output_of, stdout_of};

use crate::host::Program;

/// Runs one scenario of `fork-host` to its end.
fn scenario(daemon: &Daemon, arguments: &[&str]) {
    let (stdout, stderr) = output_of(daemon.command(env!("CARGO_BIN_EXE_fork-host")).args(arguments));
    assert!(stdout.lines().any(|line| line == "ok"), "{stdout}{stderr}");
}

fn daemon_with_key() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon
}

#[test]
fn parent_and_child_sign_a_thousand_times_in_four_threads_each() {
    let daemon = Daemon::start();
    scenario(&daemon, &["both", "1000"]);
    // One of the child's signatures by another's judgement.
    daemon.cli(&["key", "download", "--name", "forked-rsa", "--file", "rsa.pem"]);
    std::fs::write(daemon.path("data.txt"), "signed by the child").unwrap();
    let mut openssl = Command::new("openssl");
    let verdict =
        openssl.current_dir(daemon.dir()).args("dgst -sha256 -verify rsa.pem -signature child.sig data.txt".split(' '));
    assert_eq!(stdout_of(verdict).trim(), "Verified OK");
}

#[test]
fn a_thousand_forks_amid_eight_busy_threads_hang_and_break_nobody() {
    scenario(&daemon_with_key(), &["storm", "1000"]);
}

#[test]
fn a_child_that_initialises_starts_fresh_and_its_end_is_not_its_parents() {
    scenario(&daemon_with_key(), &["fresh"]);
}

#[test]
fn grandchildren_and_programs_started_from_a_child_sign() {
    scenario(&daemon_with_key(), &["generations"]);
}

#[test]
fn a_host_that_closes_and_reuses_every_descriptor_signs_and_keeps_its_files() {
    scenario(&daemon_with_key(), &["daemonize"]);
}

#[test]
fn operations_of_threads_that_a_child_does_not_have_are_inactive_there() {
    scenario(&daemon_with_key(), &["operations"]);
}

#[test]
fn four_programs_in_one_token_do_not_notice_that_the_fifth_is_killed() {
    let daemon = daemon_with_key();
    daemon.cli(&["key", "create", "--name", "rsa", "--kty", "RSA"]);
    let mut programs: Vec<_> = (0..5).map(|_| Program::sign_loop(&daemon, 2)).collect();
    thread::sleep(Duration::from_millis(300));
    programs.pop().unwrap().kill();
    let at_kill: Vec<u64> = programs.iter_mut().map(Program::signed).collect();
    for (program, before) in programs.iter_mut().zip(at_kill) {
        softkeep_tests::wait_until("signing on", Duration::from_secs(20), || program.signed() > before + 20);
    }
    for program in programs {
        assert!(program.finish().starts_with("done"));
    }
}
