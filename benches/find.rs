//! Searches by label and by CKA_ID in vaults of 100, 10,000 and 100,000 keys, nothing in memory of them; and the first
//! signature of a fresh program: C_Initialize, C_Login, find, sign, C_Finalize. SoftHSM2 is asked the same where it is
//! installed and can hold that many. Compare within one run only.
//!
//! `SOFTKEEP_BENCH_KEYS` limits the largest vault.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{env, hint::black_box, path::Path, process::Command, thread, time::Duration};

use criterion::{BenchmarkId, Criterion};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, ObjectHandle},
    session::Session,
};
use softkeep_benches::{Kind, SOFTHSM2, Token, softhsm2};
use softkeep_tests::{Daemon, VAULT, module};

/// Told to the child that measures: where everything is.
const PREPARED: &str = "SOFTKEEP_BENCH_PREPARED";

/// Keys in a vault.
const SIZES: [usize; 3] = [100, 10_000, 100_000];

/// SoftHSM2 reads every object's file at C_Initialize and again when another process changed one: more than this takes minutes.
const SOFTHSM2_MOST: usize = 1_000;

/// Threads that fill a vault: their writes share a transaction.
const FILLING_THREADS: usize = 16;

fn main() {
    if env::var_os(PREPARED).is_some() {
        measure();
        Criterion::default().configure_from_args().final_summary();
        return;
    }
    // The modules read their configuration from the environment, which must be there before they are loaded: so a child measures.
    let daemon = Daemon::start();
    let dir = tempfile::tempdir().unwrap();
    let mut child: Command = daemon.command(env::current_exe().unwrap());
    child.args(env::args_os().skip(1)).env(PREPARED, "1").current_dir(env::current_dir().unwrap());
    if let Some(config) = softhsm2(dir.path()) {
        child.env("SOFTHSM2_CONF", config);
    }
    let status = child.status().unwrap();
    assert!(status.success(), "the measuring process ended with {status}");
}

fn measure() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    cold(&mut criterion, "softkeep", &module(), VAULT);
    let most = env::var("SOFTKEEP_BENCH_KEYS").ok().and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
    let token = Token::open(&module(), VAULT);
    find(&mut criterion, "softkeep", &token, most);
    drop(token);
    if env::var_os("SOFTHSM2_CONF").is_some() {
        cold(&mut criterion, "softhsm2", Path::new(SOFTHSM2), "softhsm");
        find(&mut criterion, "softhsm2", &Token::open(Path::new(SOFTHSM2), "softhsm"), most.min(SOFTHSM2_MOST));
    }
}

/// From nothing to a signature, in a process that has the module loaded already.
fn cold(criterion: &mut Criterion, name: &str, module: &Path, label: &str) {
    {
        let token = Token::open(module, label);
        token.generate(Kind::P256);
    }
    criterion.benchmark_group("cold_start").bench_function(name, |bencher| {
        bencher.iter(|| {
            let token = Token::open(module, label);
            let (session, key) = token.session(Kind::P256);
            black_box(session.sign(&Kind::P256.mechanism(), key, &Kind::P256.input()).unwrap())
        });
    });
}

/// Fills the token up to each size and searches it. Every search has a label or id that was not asked for before, so
/// that none is answered from memory.
fn find(criterion: &mut Criterion, name: &str, token: &Token, most: usize) {
    let mut filled = 0;
    let mut group = criterion.benchmark_group("find");
    for size in SIZES {
        let size = size.min(most);
        if size <= filled {
            break;
        }
        fill(token, filled..size);
        filled = size;
        let session = token.read_write();
        let mut next = 0;
        group.bench_function(BenchmarkId::new(format!("{name}/label"), size), |bencher| {
            bencher.iter(|| {
                next = (next + 7919) % size;
                let found = session.find_objects(&[Attribute::Label(label(next))]).unwrap();
                assert_eq!(black_box(found).len(), 1);
            });
        });
        group.bench_function(BenchmarkId::new(format!("{name}/id"), size), |bencher| {
            bencher.iter(|| {
                next = (next + 7919) % size;
                let found = session.find_objects(&[Attribute::Id(label(next))]).unwrap();
                assert_eq!(black_box(found).len(), 1);
            });
        });
    }
}

fn label(number: usize) -> Vec<u8> {
    format!("key number {number}").into_bytes()
}

fn fill(token: &Token, numbers: std::ops::Range<usize>) {
    let share = numbers.len().div_ceil(FILLING_THREADS);
    thread::scope(|scope| {
        for start in numbers.clone().step_by(share.max(1)) {
            let end = numbers.end.min(start + share);
            // A session is one thread's; it is made here and moves there.
            let session = token.read_write();
            scope.spawn(move || {
                for number in start..end {
                    make(&session, number);
                }
            });
        }
    });
}

fn make(session: &Session, number: usize) -> ObjectHandle {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label(number)),
        Attribute::Id(label(number)),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}
