//! The desk and its roles under stress: no call outlives its deadline, and every reply reaches the one who asked.
//! desk.rs uses only `super::sync`, so that a model checker can also take it as it is.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep, yield_now};
use std::time::{Duration, Instant};

use softkeep_proto::pkcs11::v1::reply;

use super::super::desk::{Desk, Turn};
use super::super::{CallError, Retry};
use super::server::{Options, Random, Server, VAULT, client, op, socket_path};

/// The desk alone: a queue stands for the socket, leaders move from it to the desk. Waits are so short and so often cut
/// that hand-overs, timeouts and deliveries meet in every order.
#[test]
fn the_desk_alone() {
    let desk: Desk<u64> = Desk::new(64, Vec::new());
    let wire = Mutex::new(VecDeque::new());
    let (stop, done, late) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    scope(|scope| {
        for thread in 0..16 {
            let (desk, wire, stop, done, late) = (&desk, &wire, &stop, &done, &late);
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                while !stop.load(Ordering::Relaxed) {
                    let ticket = desk.register().unwrap();
                    wire.lock().unwrap().push_back(ticket.id());
                    let begun = Instant::now();
                    let patient = random.below(4) > 0;
                    let wait = Duration::from_micros(if patient { 5_000_000 } else { random.below(200) });
                    loop {
                        match desk.wait(&ticket, begun + wait) {
                            Turn::Done(reply) => {
                                assert_eq!(reply, ticket.id());
                                done.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Turn::Late => {
                                // Somebody always reads, so nobody patient is ever late: a lost wake-up would show
                                // here.
                                assert!(!patient, "a wake-up was lost");
                                late.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Turn::Lead(buffer) => {
                                while !desk.is_done(&ticket) && begun.elapsed() < wait {
                                    let count = random.below(4) as usize;
                                    let ids: Vec<u64> = {
                                        let mut wire = wire.lock().unwrap();
                                        let count = count.min(wire.len());
                                        wire.drain(..count).collect()
                                    };
                                    desk.deliver(ids.into_iter().map(|id| (id, id)));
                                    yield_now();
                                }
                                desk.step_down(buffer);
                            }
                        }
                    }
                }
            });
        }
        sleep(Duration::from_secs(4));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(done.into_inner() > 1000 && late.into_inner() > 100);
}

/// The same through sockets: random delays in the daemon, random deadlines here, sizes that fill the socket now and
/// then.
#[test]
fn random_deadlines() {
    for window in [None, Some(4 << 20)] {
        let (_directory, path) = socket_path();
        let _server = Server::start(&path, Options { window, ..Options::default() });
        let client = client(&path, 20_000);
        let end = Instant::now() + Duration::from_secs(5);
        let (replies, lates) = (AtomicU64::new(0), AtomicU64::new(0));
        scope(|scope| {
            for thread in 0..24 {
                let (client, replies, lates) = (&client, &replies, &lates);
                scope.spawn(move || {
                    let mut random = Random(thread + 1);
                    while Instant::now() < end {
                        let length = if random.below(50) == 0 { 300_000 } else { random.below(3000) } as usize;
                        let tag = format!("delay:{}:{thread}:{}:", random.below(6), random.below(1 << 40));
                        let data = [tag.into_bytes(), random.bytes(length)].concat();
                        let wait = Duration::from_millis(if random.below(3) == 0 { 10_000 } else { random.below(8) });
                        let begun = Instant::now();
                        match client.call_until(begun + wait, VAULT, &[], op(data.clone()), Retry::Never) {
                            Ok(reply::Result::Sign(reply)) => {
                                assert!(reply.signature == data, "another's reply");
                                replies.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(CallError::Timeout | CallError::Unreachable(_)) if wait < Duration::from_secs(1) => {
                                lates.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(error) => panic!("{error:?} after {:?} of {wait:?}", begun.elapsed()),
                            Ok(_) => panic!("another kind of reply"),
                        }
                        assert!(begun.elapsed() < wait + super::SLACK, "{:?} of {wait:?}", begun.elapsed());
                    }
                });
            }
        });
        assert!(replies.into_inner() > 300 && lates.into_inner() > 100);
        assert!(client.connection_generation() <= 4, "a deadline cost a connection");
    }
}
