//! Public keys as a vault may hold them, and signatures under them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| softkeep_pkcs11::fuzz::ec_point(data));
