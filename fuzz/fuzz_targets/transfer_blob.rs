//! Wrapped keys as they come from other services: transfer files, blobs, base64, and what is in them.
#![no_main]

libfuzzer_sys::fuzz_target!(|blob: &[u8]| softkeep_daemon::crypto::byok::fuzzing::survive(blob));
