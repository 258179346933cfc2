//! The command line: how long it takes to start, to make, show and list, and to list 10,000 objects. Whole processes are
//! timed, as a shell sees them. Medians are printed; compare within one run only.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use softkeep_tests::{Daemon, many, program};

/// Runs of a command that is measured.
const RUNS: usize = 51;

/// Runs of one that takes long.
const FEW_RUNS: usize = 11;

/// Objects in the large list.
const MANY: usize = 10_000;

fn main() {
    let daemon = Daemon::start();
    let softkeep = |line: &str| {
        let mut command = daemon.command(program("softkeep"));
        command.args(line.split_whitespace()).stdout(Stdio::null());
        command
    };
    measure("softkeep --version", RUNS, |_| softkeep("--version"));
    run(softkeep("key create --name shown --kty RSA"));
    run(softkeep("secret set --name shown --value v"));
    measure("softkeep key show", RUNS, |_| softkeep("key show --name shown"));
    measure("softkeep secret show", RUNS, |_| softkeep("secret show --name shown"));
    measure("softkeep key create --curve P-256", RUNS, |number| {
        softkeep(&format!("key create --name made-{number} --curve P-256"))
    });
    measure("softkeep secret set", RUNS, |number| softkeep(&format!("secret set --name made-{number} --value v")));
    measure("softkeep key list, 52 keys", RUNS, |_| softkeep("key list"));
    let begun = Instant::now();
    many::make_secrets(&daemon, 0..MANY);
    println!("{MANY} secrets made over gRPC: {:.1?}", begun.elapsed());
    measure("softkeep secret list, 10,000 secrets", FEW_RUNS, |_| softkeep("secret list"));
    measure("softkeep secret list --maxresults 25", FEW_RUNS, |_| softkeep("secret list --maxresults 25"));
}

fn run(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a command so often and prints the median of its time, with the quickest and the slowest.
fn measure(what: &str, runs: usize, command: impl Fn(usize) -> Command) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|number| {
            let command = command(number);
            let begun = Instant::now();
            run(command);
            begun.elapsed()
        })
        .collect();
    times.sort();
    let (first, last) = (times.first().unwrap(), times.last().unwrap());
    println!("{what}: median {:.1?} (of {runs}: {first:.1?} to {last:.1?})", times[runs / 2]);
}
