//! The report's lines.

use super::*;

#[test]
fn lines() {
    assert_eq!(Check::ok("seal", "unsealed").line(), "ok    seal: unsealed\n");
    assert_eq!(
        Check::fail("seal", "sealed", "softkeep unseal").line(),
        "fail  seal: sealed\n      fix: softkeep unseal\n"
    );
    assert_eq!(Check::warn("mode", "d", "f").state.name(), "warn");
}

#[test]
fn what_the_daemon_says() {
    let good = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        audit: "ok".to_owned(),
        memory_locked: true,
        ..Status::default()
    };
    assert!(daemon(&good).iter().all(|check| check.state == State::Ok));
    let bad = Status { sealed: true, damaged_records: vec!["k/1".to_owned()], dev_mode: true, ..Status::default() };
    let states: Vec<_> = daemon(&bad).iter().map(|check| (check.name, check.state)).collect();
    assert_eq!(
        states,
        [
            ("version", State::Warn),
            ("seal", State::Fail),
            ("audit", State::Fail),
            ("store", State::Fail),
            ("memory", State::Warn),
            ("mode", State::Warn)
        ]
    );
}
