//! Many threads at once: in the C program of `tests/c`, and in OpenSC's own tests of threads and fork().

use std::env;

use softkeep_tests::{Daemon, module, output_of};

use crate::loading;

/// How long the threads run, where `SOFTKEEP_TEST_LOAD_SECONDS` says nothing else (`scripts/test-long.sh` does).
const LOAD_SECONDS: &str = "10";

fn mixed_load(sanitize: bool) {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    let seconds = env::var("SOFTKEEP_TEST_LOAD_SECONDS").unwrap_or_else(|_| LOAD_SECONDS.into());
    loading::run(&daemon, sanitize, &["mixed", &seconds]);
}

#[test]
fn thirty_two_threads_that_do_everything_get_right_answers_and_nothing_grows() {
    mixed_load(false);
}

#[test]
fn thirty_two_threads_touch_no_memory_but_their_own() {
    mixed_load(true);
}

/// `pkcs11-tool`, which lists the slots when its test is done.
fn pkcs11_tool(daemon: &Daemon, args: &[&str]) -> String {
    let mut command = daemon.tool("pkcs11-tool", "opensc");
    let (stdout, stderr) = output_of(command.arg("--module").arg(module()).args(args).arg("-L"));
    assert!(stdout.contains("token label        : dev"), "{stdout}");
    stderr
}

#[test]
fn opensc_finds_threads_that_race_for_initialize_in_order() {
    let daemon = Daemon::start();
    // Each thread's script: C_Initialize with NULL (IN) or OS locking (IL), C_GetInfo, C_GetSlotList, C_GetTokenInfo of
    // the first slot. One thread wins, the others are told so and go no further. While one goes on, the program sleeps
    // for half a minute, so there is one such run.
    let mixed = ["IN", "ILGISLT0SLT0GI", "INGISLT0", "IL", "ILSLT0", "IN", "INSLT0GI", "ILGISLT0"];
    for scripts in [["IN"; 8], mixed] {
        let options: Vec<&str> = scripts.iter().flat_map(|script| ["--test-threads", script]).collect();
        let said = pkcs11_tool(&daemon, &options);
        let results = said.split("test_threads cleanup starting").last().unwrap();
        for line in said.lines().filter(|line| line.contains("returned CKR_") || line.contains("rv:CKR_")) {
            let fine = line.ends_with("CKR_OK") || line.ends_with("CKR_CRYPTOKI_ALREADY_INITIALIZED");
            assert!(fine, "{line}\n{said}");
        }
        assert!(results.contains("cleanup finished"), "{said}");
    }
}

#[test]
fn opensc_forks_and_initialises_in_the_child() {
    let daemon = Daemon::start();
    let said = pkcs11_tool(&daemon, &["--test-fork"]);
    assert!(!said.contains("error") && !said.contains("CKR_"), "{said}");
}
