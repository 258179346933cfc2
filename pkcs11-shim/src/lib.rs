//! `libsoftkeep_pkcs11.so`: PKCS#11 2.40, 3.0 and 3.2 for programs whose keys are in softkeepd.
//! No private key, no thread and no runtime lives here; the daemon decides, this module remembers and asks.

#![deny(unsafe_code)]

mod attribute;
mod calls;
mod cipher;
mod config;
mod error;
#[allow(unsafe_code)] // the one room with raw pointers, fork handlers and errno
mod ffi;
mod hash;
mod log;
mod mechanism;
mod message;
mod module;
mod nonce;
mod object;
mod public_key;
mod remote;
mod session;
mod slot;
mod transport;

/// What the fuzzer calls; the tests call it too, with what the fuzzer has found worth keeping.
#[cfg(any(test, fuzzing))]
pub mod fuzz {
    pub use crate::ffi::fuzz::{ec_point, parameter, reply, template};
}
