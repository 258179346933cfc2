//! The transport against a real tonic server. Misbehaving servers are in tests/hostile.rs, the desk alone in
//! tests/handover.rs.

#![allow(clippy::unwrap_used)]

mod handover;
mod hostile;
pub(crate) mod server;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use self::server::{Options, Random, Server, VAULT, client, echo, op, socket_path};
use super::{CallError, Client, Endpoint, Retry};
use softkeep_proto::limits::MAX_MESSAGE_BYTES;

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_millis(2500);

fn many(threads: u64, calls: u64, max_bytes: u64, options: Options) {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, options);
    let client = client(&path, 30_000);
    scope(|scope| {
        for thread in 0..threads {
            let client = &client;
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                for _ in 0..calls {
                    let length = random.below(max_bytes) as usize + 1;
                    let data = random.bytes(length);
                    assert_eq!(echo(client, data.clone(), Retry::Safe).unwrap(), data);
                }
            });
        }
    });
}

#[test]
fn one_thread_many_calls() {
    many(1, 2000, 40_000, Options::default());
}

#[test]
fn many_threads_many_calls() {
    many(32, 300, 40_000, Options::default());
    many(32, 300, 40_000, Options { window: Some(8 << 20), ..Options::default() });
}

#[test]
fn six_hundred_threads() {
    many(600, 20, 300, Options::default());
}

#[test]
fn a_mebibyte_both_ways() {
    for window in [None, Some(8 << 20)] {
        let (_directory, path) = socket_path();
        let _server = Server::start(&path, Options { window, ..Options::default() });
        let client = client(&path, 60_000);
        scope(|scope| {
            for thread in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    for round in 0..10 {
                        let data = Random(thread * 100 + round + 1).bytes(1 << 20);
                        assert!(echo(client, data.clone(), Retry::Safe).unwrap() == data);
                    }
                });
            }
        });
    }
}

#[test]
fn big_replies_and_the_limit() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    assert_eq!(echo(&client, b"big:3000000:".to_vec(), Retry::Safe).unwrap().len(), 3_000_000);
    assert!(echo(&client, vec![0x80; MAX_MESSAGE_BYTES - 200], Retry::Safe).is_ok());
    assert!(matches!(echo(&client, vec![0; MAX_MESSAGE_BYTES], Retry::Safe), Err(CallError::TooLarge)));
    // Too large an answer ends the connection, not the client.
    assert!(matches!(echo(&client, b"big:5000000:".to_vec(), Retry::Safe), Err(CallError::Refused(8, _))));
    assert_eq!(echo(&client, b"again".to_vec(), Retry::Safe).unwrap(), "again");
}

#[test]
fn failures_and_notices() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    assert_eq!(client.connection_generation(), 0);
    match echo(&client, b"fail:".to_vec(), Retry::Never) {
        Err(CallError::Failure(failure)) => assert_eq!(failure.reason, "asked to"),
        _ => panic!("the failure was lost"),
    }
    assert_eq!(client.connection_generation(), 1);
    assert_eq!(client.told_revision(VAULT), 0);
    echo(&client, b"notice:5:".to_vec(), Retry::Safe).unwrap();
    echo(&client, b"notice:4:".to_vec(), Retry::Safe).unwrap();
    assert_eq!(client.told_revision(VAULT), 5);
    // A notice that comes while nobody waits.
    let late =
        client.call_until(Instant::now() + Duration::from_millis(20), VAULT, &[], op(b"delay:60:".into()), Retry::Safe);
    assert!(matches!(late, Err(CallError::Timeout)));
    echo(&client, b"notice:6:".to_vec(), Retry::Safe).unwrap();
    sleep(Duration::from_millis(100));
    client.drain_notices();
    assert_eq!(client.told_revision(VAULT), 6);
    assert_eq!(client.connection_generation(), 1);
}

#[test]
fn a_lost_connection_is_noticed_without_a_call() {
    let (_directory, path) = socket_path();
    let server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    echo(&client, b"notice:9:".to_vec(), Retry::Safe).unwrap();
    drop(server);
    client.drain_notices();
    assert!(client.connection_generation() > 1 && client.told_revision(VAULT) == 0);
    // A call that must not be sent twice finds the restarted daemon nevertheless: it surely was not sent on the dead
    // connection.
    let _server = Server::start(&path, Options::default());
    assert_eq!(echo(&client, b"x".to_vec(), Retry::Never).unwrap(), "x");
}

#[test]
fn an_idle_connection_to_a_restarted_daemon_is_no_unknown_outcome() {
    let (_directory, path) = socket_path();
    let mut server = Some(Server::start(&path, Options::default()));
    let client = client(&path, 20_000);
    for round in 0..20 {
        let data = format!("round {round}").into_bytes();
        assert_eq!(echo(&client, data.clone(), Retry::Never).unwrap(), data);
        drop(server.take());
        server = Some(Server::start(&path, Options::default()));
    }
}

#[test]
fn a_deadline_leaves_the_connection_usable() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    for round in 0..5 {
        let begun = Instant::now();
        let until = begun + Duration::from_millis(50);
        let late = client.call_until(until, VAULT, &[], op(b"delay:200:".to_vec()), Retry::Safe);
        assert!(matches!(late, Err(CallError::Timeout)));
        assert!(begun.elapsed() >= Duration::from_millis(50) && begun.elapsed() < SLACK);
        let data = format!("after {round}").into_bytes();
        assert_eq!(echo(&client, data.clone(), Retry::Safe).unwrap(), data);
    }
    // In the middle of writing: the bytes must stay in order for the next call.
    for _ in 0..5 {
        let until = Instant::now() + Duration::from_millis(1);
        let _ = client.call_until(until, VAULT, &[], op(vec![0x80; 3 << 20]), Retry::Safe);
        assert_eq!(echo(&client, b"next".to_vec(), Retry::Safe).unwrap(), "next");
    }
    assert_eq!(client.connection_generation(), 1);
}

#[test]
fn killed_and_restarted_under_load() {
    let (_directory, path) = socket_path();
    let mut server = Some(Server::start(&path, Options::default()));
    let client = client(&path, 20_000);
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    scope(|scope| {
        for thread in 0..8 {
            let (client, stop, calls) = (&client, &stop, &calls);
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                while !stop.load(Ordering::Relaxed) {
                    let length = random.below(2000) as usize + 1;
                    let data = random.bytes(length);
                    assert_eq!(echo(client, data.clone(), Retry::Safe).unwrap(), data);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..5 {
            sleep(Duration::from_millis(150));
            drop(server.take());
            sleep(Duration::from_millis(20 * round));
            server = Some(Server::start(&path, Options::default()));
        }
        sleep(Duration::from_millis(150));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(calls.into_inner() > 100);
}

#[test]
fn going_away_under_load() {
    let (_directory, path) = socket_path();
    let max_age = Some(Duration::from_millis(200));
    let _server = Server::start(&path, Options { max_age, ..Options::default() });
    let client = client(&path, 20_000);
    let end = Instant::now() + Duration::from_secs(3);
    scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                while Instant::now() < end {
                    let data = random.bytes(500);
                    // Never: a graceful GOAWAY must not even make an outcome unknown.
                    assert_eq!(echo(client, data.clone(), Retry::Never).unwrap(), data);
                }
            });
        }
    });
    assert!(client.connection_generation() > 8);
}

#[test]
fn an_absent_daemon() {
    let (_directory, path) = socket_path();
    let begun = Instant::now();
    match echo(&client(&path, 300), b"x".to_vec(), Retry::Safe) {
        Err(CallError::Unreachable(cause)) => assert!(cause.contains("No such file"), "{cause}"),
        other => panic!("{:?}", other.err()),
    }
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < SLACK);

    let client = client(&path, 20_000);
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(echo(&client, b"x".to_vec(), Retry::Never).unwrap(), "x"));
        }
        sleep(Duration::from_secs(1));
        let server = Server::start(&path, Options::default());
        scope.spawn(move || {
            sleep(Duration::from_secs(2));
            drop(server);
        });
    });
}

#[test]
fn closing_ends_the_calls_of_others() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    let absent =
        Client::new(Endpoint::Unix("/nonexistent/socket".into()), Duration::from_secs(20), bytes::Bytes::new());
    let begun = Instant::now();
    scope(|scope| {
        for retry in [Retry::Safe, Retry::Never, Retry::Safe] {
            let client = &client;
            scope.spawn(move || {
                assert!(matches!(echo(client, b"delay:15000:".to_vec(), retry), Err(CallError::Unreachable(_))));
            });
        }
        scope.spawn(|| assert!(matches!(echo(&absent, b"x".to_vec(), Retry::Safe), Err(CallError::Unreachable(_)))));
        sleep(Duration::from_millis(300));
        client.close();
        absent.close();
    });
    assert!(begun.elapsed() < SLACK);
    assert!(matches!(echo(&client, b"x".to_vec(), Retry::Safe), Err(CallError::Unreachable(_))));
}

#[test]
fn closing_ends_calls_on_a_connection_that_goes_away() {
    let (_directory, path) = socket_path();
    let max_age = Some(Duration::from_millis(100));
    let _server = Server::start(&path, Options { max_age, ..Options::default() });
    let client = client(&path, 20_000);
    let begun = Instant::now();
    scope(|scope| {
        let slow = scope.spawn(|| echo(&client, b"delay:15000:".to_vec(), Retry::Safe));
        // The short calls move on to new connections and leave the slow one behind.
        while begun.elapsed() < Duration::from_millis(700) {
            echo(&client, b"x".to_vec(), Retry::Safe).unwrap();
        }
        client.close();
        assert!(matches!(slow.join().unwrap(), Err(CallError::Unreachable(_))));
    });
    assert!(begun.elapsed() < SLACK);
}

#[test]
fn descriptors_do_not_grow() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    for round in 0..2000 {
        let client = client(&path, 20_000);
        scope(|scope| {
            for _ in 0..=round % 2 {
                scope.spawn(|| echo(&client, b"x".to_vec(), Retry::Safe).unwrap());
            }
        });
        client.close();
        // The list is exact: an entry leaves it when its descriptor has been closed.
        assert_eq!(client.pool.hold().descriptor_count(), 0);
    }
    // Other tests of this process open descriptors too, but not thousands.
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(open < 1500, "{open} descriptors are open");
}

#[test]
fn endpoints() {
    let unix = |path: &str| Ok(Endpoint::Unix(path.into()));
    assert_eq!(Endpoint::parse("unix:/run/x"), unix("/run/x"));
    assert_eq!(Endpoint::parse("unix:///run/x"), unix("/run/x"));
    assert_eq!(Endpoint::parse("/run/x"), unix("/run/x"));
    assert!(Endpoint::parse("https://host").is_err());
    assert!(Endpoint::parse("").is_err());
    assert!(Endpoint::parse(&format!("/{}", "x".repeat(200))).is_err());
}

#[test]
#[ignore = "a measurement: run alone, in release"]
fn null_call_latency() {
    let (_directory, path) = socket_path();
    let _server = Server::start(&path, Options::default());
    let client = client(&path, 20_000);
    for threads in [1, 8, 64] {
        let mut all: Vec<Duration> = Vec::new();
        let begun = Instant::now();
        scope(|scope| {
            let measure = || {
                let call = |_| {
                    let begun = Instant::now();
                    echo(&client, vec![0x80; 32], Retry::Safe).unwrap();
                    begun.elapsed()
                };
                (0..80_000 / threads).map(call).collect::<Vec<_>>()
            };
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(measure)).collect();
            all.extend(handles.into_iter().flat_map(|handle| handle.join().unwrap()));
        });
        let rate = all.len() as f64 / begun.elapsed().as_secs_f64();
        all.sort();
        println!("{threads} threads: p50 {:?}, p99 {:?}, {rate:.0}/s", all[all.len() / 2], all[all.len() * 99 / 100]);
        if threads == 1 {
            // Less at the mercy of a busy machine: what one call costs this thread.
            let clock = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let (before, calls) = (clock(), 20_000);
            for _ in 0..calls {
                echo(&client, vec![0x80; 32], Retry::Safe).unwrap();
            }
            let after = clock();
            let spent = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
            println!("1 thread: {} ns of CPU a call", spent / calls);
        }
    }
}
