//! The only place that reads the wall clock, so that every other room can be given a time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 UTC.
pub fn now_micros() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
}

/// Seconds since 1970-01-01 UTC.
pub fn now_seconds() -> i64 {
    now_micros() / 1_000_000
}
