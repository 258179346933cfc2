//! A program that signs without pause in several threads until its standard input ends, and checks each signature. For each line of input it
//! says how many calls went well and how many failed; at the end it checks that its handles are still those of the keys.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    env, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use softkeep_tests::{
    PIN,
    raw::{Kind, Module, Signer, ck, must, name},
};

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    signed: AtomicU64,
    failed: AtomicU64,
    causes: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
}

fn main() {
    let threads: usize = env::args().nth(1).map_or(4, |text| text.parse().unwrap());
    let module = Module::load();
    assert_eq!(name(module.initialize()), "CKR_OK");
    let slot = must("slot", module.slot());
    let session = must("open", module.open(slot));
    assert_eq!(name(module.login(session, ck::CKU_USER, PIN)), "CKR_OK");
    let find = |(kind, label)| must("find", Signer::find(module, slot, session, kind, label));
    let signers = [(Kind::Rsa, "rsa"), (Kind::Ec, "ec")].map(find);
    let shared = Arc::new(Shared::default());
    let work = |index: usize| {
        let (shared, signer) = (Arc::clone(&shared), signers[index % 2]);
        let signer = signer.in_session(must("open", module.open(slot)));
        thread::spawn(move || run(&shared, signer))
    };
    let running: Vec<_> = (0..threads).map(work).collect();
    println!("ready");
    for line in io::stdin().lines() {
        line.unwrap();
        println!("{} {}", shared.signed.load(Ordering::SeqCst), shared.failed.load(Ordering::SeqCst));
    }
    shared.stop.store(true, Ordering::SeqCst);
    running.into_iter().for_each(|thread| thread.join().unwrap());
    let causes = shared.causes.lock().unwrap();
    assert!(causes.is_empty(), "calls failed: {causes:?}");
    let after = [(Kind::Rsa, "rsa"), (Kind::Ec, "ec")].map(find);
    for (before, after) in signers.into_iter().zip(after) {
        assert_eq!((before.public, before.private), (after.public, after.private), "the same handles");
    }
    println!("done; the slowest took {} ms", shared.slowest.lock().unwrap().as_millis());
}

fn run(shared: &Shared, signer: Signer) {
    let mut index = 0u64;
    while !shared.stop.load(Ordering::SeqCst) {
        index += 1;
        let start = Instant::now();
        match signer.sign_and_verify(&index.to_le_bytes()) {
            Ok(_) => drop(shared.signed.fetch_add(1, Ordering::SeqCst)),
            Err(rv) => {
                shared.failed.fetch_add(1, Ordering::SeqCst);
                shared.causes.lock().unwrap().push(name(rv));
            }
        }
        let mut slowest = shared.slowest.lock().unwrap();
        *slowest = start.elapsed().max(*slowest);
    }
}
