//! Templates and attribute queries as a host hands them over.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_pkcs11::fuzz::template(data));
