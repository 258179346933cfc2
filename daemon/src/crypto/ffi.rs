//! The only unsafe code of the daemon: the few functions of `aws-lc-sys` that `aws-lc-rs` has no safe form of. Nothing
//! is decided here; `aws_lc.rs` has checked every input before, and these wrappers are sound even if it had not.
//!
//! What all the SAFETY comments rely on: a slice's pointer is valid for its length for as long as the call runs, and
//! the C functions keep no pointer to it; `Pkey` owns one reference to a live EVP_PKEY, so what its get0 functions lend
//! lives as long as `&self`.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fmt;

use aws_lc_sys as lc;
use softkeep_proto::algorithm::Hash;

pub mod cipher;
pub mod curve25519;
pub mod ec;
pub mod kdf;
pub mod lattice;
pub mod mac;
pub mod number;
pub mod pkcs12;
pub mod pkey;
pub mod rsa;

/// aws-lc said no. It names the call; aws-lc's own words are thrown away with its error queue, because they say more
/// about a ciphertext's padding than anybody should know.
#[derive(Debug)]
pub struct Failed(pub(super) &'static str);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws-lc: {} failed", self.0)
    }
}

impl std::error::Error for Failed {}

type Result<T> = std::result::Result<T, Failed>;

fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: these functions take nothing and return pointers to static tables.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
            Hash::Sha512_224 => lc::EVP_sha512_224(),
            Hash::Sha512_256 => lc::EVP_sha512_256(),
            Hash::Sha3_224 => lc::EVP_sha3_224(),
            Hash::Sha3_256 => lc::EVP_sha3_256(),
            Hash::Sha3_384 => lc::EVP_sha3_384(),
            Hash::Sha3_512 => lc::EVP_sha3_512(),
        }
    }
}

/// C's 1 is success; everything else is not.
fn ok(call: &'static str, result: c_int) -> Result<()> {
    if result == 1 { Ok(()) } else { Err(failed(call)) }
}

/// A failure, with the thread's error queue emptied: nothing of it may show up in a later call.
fn failed(call: &'static str) -> Failed {
    // SAFETY: touches only the calling thread's queue.
    unsafe { lc::ERR_clear_error() }
    Failed(call)
}
