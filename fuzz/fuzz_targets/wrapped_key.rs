//! What comes out of a wrapped blob, as the daemon reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_daemon::crypto::unwrapped::survive(data));
