//! What the process does to keep its memory to itself: no swap, no core dump, no debugger of the same user.

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
};

/// Hardens the process; returns whether its memory is locked. What the system does not allow is logged, once.
pub fn harden() -> bool {
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps could not be turned off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process stays open to debuggers of the same user");
    }
    // With a limit, locking all future memory would make allocations fail once it is reached; so only without one, or as root.
    let unlimited = getrlimit(Resource::Memlock).current.is_none() || rustix::process::geteuid().is_root();
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let locked = unlimited && mlockall(flags).is_ok();
    if !locked {
        tracing::warn!("memory is not locked and may be swapped out; raise LimitMEMLOCK to infinity");
    }
    locked
}
