//! The three lines and the exit codes.

use std::collections::HashMap;

use tonic_types::ErrorDetails;

use super::*;

fn status(code: Code, reason: &str, message: &str) -> Status {
    let metadata = HashMap::from([("request_id".to_owned(), "01J".to_owned())]);
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata))
}

#[test]
fn three_lines() {
    let error = Error::from(status(Code::NotFound, "KEY_NOT_FOUND", "no key 'web'"));
    assert_eq!(
        error.render(),
        "error: no key 'web'\n  code: KEY_NOT_FOUND (NotFound)  request: 01J\n  fix: softkeep key list prints the vault's keys"
    );
    assert_eq!(Error::usage("x").fix("y").render(), "error: x\n  code: USAGE\n  fix: y");
    assert_eq!(
        Error::local("x").render(),
        "error: x\n  code: FAILED\n  fix: put right what the error names, then run it again"
    );
    let error = Error::from(Status::permission_denied("a\x1b[31m\nb"));
    assert!(error.render().starts_with("error: a [31m b\n  code: PERMISSION_DENIED (PermissionDenied)\n"));
}

#[test]
fn exit_codes() {
    let check = |code: Code, reason: &str, exit: u8| {
        assert_eq!(Error::from(status(code, reason, "m")).exit() as u8, exit, "{reason}");
    };
    check(Code::NotFound, "VAULT_NOT_FOUND", 3);
    check(Code::FailedPrecondition, "KEY_DISABLED", 4);
    check(Code::Unauthenticated, "PIN_LOCKED", 4);
    check(Code::FailedPrecondition, "SEALED", 5);
    check(Code::InvalidArgument, "DECRYPT_FAILED", 1);
    // A reason from the future: the status decides.
    check(Code::NotFound, "TAPESTRY_NOT_FOUND", 3);
    check(Code::Internal, "WHATEVER", 1);
    assert_eq!(Error::from(Status::unavailable("x")).exit() as u8, 5);
    assert_eq!(Error::unreachable("unix:///x", "gone").exit() as u8, 5);
    assert_eq!(Error::usage("x").exit() as u8, 2);
    assert_eq!(Error::local("x").exit() as u8, 1);
}

#[test]
fn another_domain_is_not_ours() {
    let details = ErrorDetails::with_error_info("SEALED", "example.com", HashMap::new());
    let status = Status::with_error_details(Code::Internal, "m", details);
    assert_eq!(Error::from(status).exit() as u8, 1);
}

#[test]
fn every_code_has_a_hint() {
    for number in 0..=60 {
        let code = ErrorCode::try_from(number).unwrap();
        let hint = fix::hint(code);
        assert!(!hint.is_empty() && !hint.ends_with('.'), "{code:?}");
    }
    assert!(ErrorCode::try_from(61).is_err(), "a new code: check its hint, then raise the number here");
}
