//! A certificate file that a user brings in (PFX, PEM, DER), and a subject that a user writes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_daemon::crypto::certificate_file::survive(data));
