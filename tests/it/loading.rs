//! The module is loaded and unloaded, initialised and finalised, raced for and left behind, by the C program in `tests/c`.
//! Each scenario also runs under AddressSanitizer, which sees what is read or written out of bounds and what leaks.

use softkeep_tests::{Daemon, output_of};

/// A daemon with the key that the program uses.
fn daemon_with_key() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon
}

/// What ends while its threads still run: LeakSanitizer of gcc 12 reads their thread-locals while they change, and crashes
/// itself ("Tracer caught signal 11"). What such threads hold is no leak anyway.
const ENDS_WITH_THREADS: [&str; 2] = ["exit", "at-exit"];

/// Runs a scenario to its end; what it wrote.
pub fn run(daemon: &Daemon, sanitize: bool, scenario: &[&str]) -> String {
    let mut command = daemon.compile_lifecycle(sanitize);
    if ENDS_WITH_THREADS.contains(&scenario[0]) {
        command.env("ASAN_OPTIONS", "detect_leaks=0");
    }
    let (stdout, stderr) = output_of(command.args(scenario));
    assert!(stdout.lines().any(|line| line == "ok"), "{scenario:?}: {stdout}{stderr}");
    // A process that forked and one that leaks say so on standard error.
    assert!(!stderr.contains("Sanitizer"), "{scenario:?}: {stderr}");
    stdout
}

/// Plainly so many rounds, and fewer under AddressSanitizer.
fn scenario(name: &str, rounds: u32, sanitized_rounds: u32) {
    let daemon = daemon_with_key();
    run(&daemon, false, &[name, &rounds.to_string()]);
    run(&daemon, true, &[name, &sanitized_rounds.to_string()]);
}

#[test]
fn one_of_sixteen_threads_initialises_whatever_the_arguments_and_one_finalises() {
    scenario("race", 300, 60);
}

#[test]
fn a_thousand_times_loaded_used_finalised_and_unloaded_nothing_grows() {
    scenario("reload", 1000, 40);
}

#[test]
fn unloaded_without_finalize_it_is_still_initialised_and_works() {
    scenario("reload-initialised", 1000, 200);
}

#[test]
fn finalize_amid_the_calls_of_sixteen_threads_ends_them_all() {
    scenario("finalize-busy", 40, 10);
}

#[test]
fn finalize_from_an_exit_handler_does_what_it_does_elsewhere() {
    let daemon = daemon_with_key();
    for sanitize in [false, true] {
        // Alone, and while threads sign.
        for busy in ["0", "1"] {
            let stdout = run(&daemon, sanitize, &["at-exit", busy]);
            assert!(stdout.contains("finalized at exit"), "{stdout}");
        }
    }
}

#[test]
fn a_program_may_end_without_finalize_while_threads_sign() {
    let daemon = daemon_with_key();
    for sanitize in [false, true] {
        run(&daemon, sanitize, &["exit"]);
    }
}

#[test]
fn unloaded_and_then_forked_parent_and_child_go_on() {
    let daemon = daemon_with_key();
    for sanitize in [false, true] {
        run(&daemon, sanitize, &["dlclose-fork"]);
    }
}

#[test]
fn a_fork_while_threads_wait_in_sign_waits_for_nobody() {
    let daemon = daemon_with_key();
    for sanitize in [false, true] {
        run(&daemon, sanitize, &["fork-in-sign", &daemon.pid().to_string()]);
    }
}
