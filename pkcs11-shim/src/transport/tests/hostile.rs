//! Servers that break off, lie or say nothing: each call must end in time with a clean error.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::{CallError, Retry};
use super::SLACK;
use super::server::{Raw, Then, client, echo, frame, header, socket_path};

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

const TIMEOUT: Duration = Duration::from_millis(300);

/// What the two kinds of retry end in: `Safe` goes on until the time is over, `Never` says that it does not know.
#[derive(Debug, PartialEq)]
enum Kind {
    Unreachable,
    Timeout,
    Unknown,
    Refused(i32),
}

fn run(name: &str, script: &[Vec<u8>], then: Then, safe: &[Kind], never: &[Kind]) {
    for (retry, expected) in [(Retry::Safe, safe), (Retry::Never, never)] {
        let (_directory, path) = socket_path();
        let raw = Raw::start(&path, script.concat(), then);
        let client = client(&path, TIMEOUT.as_millis() as u64);
        for _ in 0..2 {
            let begun = Instant::now();
            let kind = match echo(&client, b"x".to_vec(), retry) {
                Err(CallError::Unreachable(_)) => Kind::Unreachable,
                Err(CallError::Timeout) => Kind::Timeout,
                Err(CallError::OutcomeUnknown) => Kind::Unknown,
                Err(CallError::Refused(status, _)) => Kind::Refused(status),
                Err(error) => panic!("{name}: {error:?}"),
                Ok(_) => panic!("{name}: an answer"),
            };
            assert!(expected.contains(&kind), "{name}: {retry:?} ended in {kind:?}");
            assert!(begun.elapsed() < TIMEOUT + SLACK, "{name}: {:?}", begun.elapsed());
        }
        assert!(raw.accepted.load(Ordering::SeqCst) > 0);
    }
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

fn head() -> Vec<u8> {
    let content = header("content-type", "application/grpc");
    frame(HEADERS, END_HEADERS, 1, &[&[0x88][..], &content].concat())
}

fn trailers_only(status: &str) -> Vec<u8> {
    let fields = [&[0x88][..], &header("grpc-status", status), &header("grpc-message", "so%20there")].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields)
}

#[test]
fn connections_that_break_off() {
    use Kind::{Timeout, Unknown, Unreachable};
    let go_away = |last: u8| frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, 0]);
    run("GOAWAY and close", &[settings(), go_away(0)], Then::Close, &[Unreachable], &[Unknown]);
    // The second call takes a new connection, which fares no better.
    run("GOAWAY for stream 1", &[settings(), go_away(0)], Then::Hold, &[Unreachable], &[Unknown]);
    run("GOAWAY after stream 1", &[settings(), go_away(1)], Then::Hold, &[Timeout], &[Timeout]);
    let reset = |reason: u8| frame(RST_STREAM, 0, 1, &[0, 0, 0, reason]);
    run("CANCEL", &[settings(), reset(8)], Then::Hold, &[Unreachable], &[Unknown]);
    run("REFUSED_STREAM", &[settings(), reset(7)], Then::Hold, &[Unreachable], &[Unreachable]);
    let half = frame(DATA, 0, 1, &[0, 0, 0, 0, 10, 1, 2, 3]);
    run("half a message", &[settings(), head(), half], Then::Close, &[Unreachable], &[Unknown]);
    run("close", &[], Then::Close, &[Unreachable], &[Unreachable]);
    run("close at once", &[], Then::CloseAtOnce, &[Unreachable], &[Unreachable]);
    run("silence", &[], Then::Hold, &[Timeout], &[Timeout]);
    run("only settings", &[settings()], Then::Hold, &[Timeout], &[Timeout]);
}

#[test]
fn servers_that_lie() {
    use Kind::{Refused, Unknown, Unreachable};
    run("no", &[settings(), trailers_only("7")], Then::Hold, &[Refused(7)], &[Refused(7)]);
    run("unavailable", &[settings(), trailers_only("14")], Then::Hold, &[Unreachable], &[Unknown]);
    run("bad status", &[settings(), trailers_only("x")], Then::Hold, &[Unreachable], &[Unknown]);
    let not_found = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x8d]);
    run("404", &[settings(), not_found], Then::Hold, &[Refused(12)], &[Refused(12)]);
    let huge = frame(DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff]);
    run("4 GiB", &[settings(), head(), huge], Then::Hold, &[Refused(8)], &[Refused(8)]);
    let compressed = frame(DATA, 0, 1, &[1, 0, 0, 0, 1, 0]);
    run("compressed", &[settings(), head(), compressed], Then::Hold, &[Refused(13)], &[Refused(13)]);
    let http1 = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec();
    run("HTTP/1.1", std::slice::from_ref(&http1), Then::Close, &[Unreachable], &[Unknown]);
    run("HTTP/1.1, held", &[http1], Then::Hold, &[Unreachable, Kind::Timeout], &[Unknown, Kind::Timeout]);
    let garbage: Vec<u8> = (0..5000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    run("garbage", &[garbage], Then::Close, &[Unreachable], &[Unknown]);
    // A reply to nobody, and one that cannot be read, are dropped.
    let strangers = frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 8, 99, 0, 0, 0, 0, 1, 0xff]);
    run("strangers", &[settings(), head(), strangers], Then::Hold, &[Kind::Timeout], &[Kind::Timeout]);
}

#[test]
fn a_socket_that_nobody_reads() {
    let (_directory, path) = socket_path();
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let client = client(&path, 300);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let begun = Instant::now();
                    assert!(matches!(echo(&client, vec![0x80; 1 << 20], Retry::Safe), Err(CallError::Timeout)));
                    assert!(begun.elapsed() < TIMEOUT + SLACK);
                }
            });
        }
    });
    drop(listener);
}
