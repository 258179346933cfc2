//! Exit codes; the rest is in `cli/tests/run.rs`, with a stand-in daemon.

use super::*;

#[test]
fn exit_codes() {
    assert_eq!(exit_code(ExitStatus::from_raw(0)), 0);
    assert_eq!(exit_code(ExitStatus::from_raw(7 << 8)), 7);
    assert_eq!(exit_code(ExitStatus::from_raw(15)), 143);
    assert_eq!(cannot_run(&io::Error::from(io::ErrorKind::NotFound)), 127);
    assert_eq!(cannot_run(&io::Error::from(io::ErrorKind::PermissionDenied)), 126);
    assert_eq!(signals::exit_code(rustix::process::Signal::INT), 130);
}
