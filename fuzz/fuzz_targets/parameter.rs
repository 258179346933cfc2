//! Mechanism and message parameters as a host hands them over.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_pkcs11::fuzz::parameter(data));
