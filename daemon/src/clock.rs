//! The only place that reads the wall clock, so that every other room can be given a time.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// How far dev mode has moved the clock, in seconds: what is due in months can be tried today.
static SHIFT_SECONDS: AtomicI64 = AtomicI64::new(0);

/// Moves the clock; dev mode only.
pub fn shift(seconds: i64) {
    SHIFT_SECONDS.store(seconds, Ordering::Relaxed);
}

/// Microseconds since 1970-01-01 UTC.
pub fn now_micros() -> i64 {
    let real = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX));
    real.saturating_add(SHIFT_SECONDS.load(Ordering::Relaxed).saturating_mul(1_000_000))
}

/// Seconds since 1970-01-01 UTC.
pub fn now_seconds() -> i64 {
    now_micros() / 1_000_000
}
