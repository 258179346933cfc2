//! Shell words.

use super::*;

#[test]
fn quoting() {
    assert_eq!(export("A", "unix:///tmp/a.sock"), "export A=unix:///tmp/a.sock\n");
    assert_eq!(quote("a b"), "'a b'");
    assert_eq!(quote("it's"), r"'it'\''s'");
    assert_eq!(quote(""), "''");
    assert_eq!(quote("$(x)"), "'$(x)'");
}

#[test]
fn path() {
    assert!(on_path("sh").is_some());
    assert!(on_path("no-such-program-here").is_none());
}
