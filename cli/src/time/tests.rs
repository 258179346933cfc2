//! Times in and out.

use super::*;

#[test]
fn prints_as_az_does() {
    assert_eq!(print(0), "1970-01-01T00:00:00+00:00");
    assert_eq!(print(1_787_306_400), "2026-08-21T10:00:00+00:00");
}

#[test]
fn reads_every_form() {
    for text in [
        "2026-08-21T10:00:00Z",
        "2026-08-21T10:00:00+00:00",
        "2026-08-21T12:00:00+02:00",
        "2026-08-21T10:00:00",
        "2026-08-21T10:00Z",
        "2026-08-21 10:00",
    ] {
        assert_eq!(parse(text), Ok(1_787_306_400), "{text}");
    }
    assert_eq!(parse("2026-08-21").unwrap(), 1_787_270_400);
    assert_eq!(parse("2026-08-21Z").unwrap(), 1_787_270_400);
    assert!(parse("tomorrow").is_err());
    assert!(parse("").is_err());
}
