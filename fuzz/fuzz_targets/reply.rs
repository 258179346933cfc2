//! What a daemon may send.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_pkcs11::fuzz::reply(data));
