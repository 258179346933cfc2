//! What generating keys costs those who use them: P-256 signatures per second through the module, idle and while RSA-4096 keys are being
//! generated one after the other. Prints the ratio; what counts is that, since both are measured in one run.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use softkeep_benches::{Kind, Token};
use softkeep_proto::v1::{CreateKeyRequest, keys_client::KeysClient};
use softkeep_tests::{Daemon, VAULT, module};

/// Told to the child that measures: where everything is.
const PREPARED: &str = "SOFTKEEP_BENCH_PREPARED";
/// Threads that sign.
const SIGNERS: usize = 4;
/// Keys asked for at once: the daemon always has the next one waiting.
const GENERATIONS: usize = 2;
/// How long one measurement takes, about.
const MEASURE: Duration = Duration::from_secs(3);
/// Pairs of measurements; the median counts.
const ROUNDS: usize = 5;
/// What Softkeep promises on a machine with two cores.
const TARGET: f64 = 0.5;

fn main() {
    if env::var_os(PREPARED).is_some() {
        measure();
        return;
    }
    // The module reads its configuration from the environment, which must be there before it is loaded: so a child measures.
    let daemon = Daemon::start();
    let mut child: Command = daemon.command(env::current_exe().unwrap());
    let status = child.env(PREPARED, "1").current_dir(env::current_dir().unwrap()).status().unwrap();
    assert!(status.success(), "the measuring process ended with {status}");
}

fn measure() {
    let token = Token::open(&module(), VAULT);
    token.generate(Kind::P256);
    const FIRST: u64 = 500;
    let rate = |times: u64| times as f64 / token.sign(Kind::P256, SIGNERS, times).as_secs_f64();
    let times = (rate(FIRST) * MEASURE.as_secs_f64()) as u64;
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let idle = rate(times);
            let (busy, keys) = while_generating(|| rate(times));
            println!(
                "idle {idle:>8.0}/s   while generating {busy:>8.0}/s   ratio {:.2}   RSA-4096 keys made {keys}",
                busy / idle
            );
            busy / idle
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("median ratio {:.2}, promised {TARGET}", rounds[ROUNDS / 2]);
}

/// Measures while keys are generated without a pause; also how many were finished.
fn while_generating(measure: impl FnOnce() -> f64) -> (f64, u32) {
    let (stop, made) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let generators: Vec<_> = (0..GENERATIONS)
            .map(|number| {
                let (stop, made) = (&stop, &made);
                scope.spawn(move || generate(&format!("rsa-{number}"), stop, made))
            })
            .collect();
        // Until the daemon is at work.
        thread::sleep(Duration::from_millis(300));
        let measured = measure();
        stop.store(true, Ordering::SeqCst);
        generators.into_iter().for_each(|generator| generator.join().unwrap());
        (measured, made.load(Ordering::SeqCst))
    })
}

fn generate(name: &str, stop: &AtomicBool, made: &AtomicU32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endpoint = env::var("SOFTKEEP_ENDPOINT").unwrap();
    let mut client = runtime.block_on(KeysClient::connect(endpoint)).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let request = CreateKeyRequest {
            vault: VAULT.into(),
            name: name.into(),
            kty: "RSA".into(),
            key_size_bits: 4096,
            ..CreateKeyRequest::default()
        };
        runtime.block_on(client.create_key(request)).unwrap();
        made.fetch_add(1, Ordering::SeqCst);
    }
}
