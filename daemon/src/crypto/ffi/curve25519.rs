//! Ed25519 in its three forms, and X25519.

use std::ffi::c_int;

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::{Result, failed, ok};

/// Seed and public key, as aws-lc wants them.
pub type KeyPair = Zeroizing<[u8; 64]>;

/// Which of RFC 8032's three: the dom2 prefix differs.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// Ed25519 of a message.
    Pure,
    /// Ed25519ctx of a message.
    Context(&'a [u8]),
    /// Ed25519ph of the SHA-512 of a message, with a context.
    Prehash(&'a [u8; 64], &'a [u8]),
}

/// The key pair of a seed.
pub fn key_pair(seed: &[u8; 32]) -> KeyPair {
    let (mut public, mut pair) = ([0; 32], Zeroizing::new([0; 64]));
    // SAFETY: writes 32 and 64 bytes and reads 32, which the arrays have.
    unsafe { lc::ED25519_keypair_from_seed(public.as_mut_ptr(), pair.as_mut_ptr(), seed.as_ptr()) }
    pair
}

/// Signs; the message is not looked at for a prehash.
pub fn sign(pair: &KeyPair, form: Form<'_>, message: &[u8]) -> Result<[u8; 64]> {
    let mut out = [0; 64];
    let (to, key) = (out.as_mut_ptr(), pair.as_ptr());
    // SAFETY: `out` has the 64 bytes that are written, the pair the 64 and a prehash the 64 that are read; slices come
    // with their lengths.
    let done: c_int = unsafe {
        match form {
            Form::Pure => lc::ED25519_sign(to, message.as_ptr(), message.len(), key),
            Form::Context(context) => {
                lc::ED25519ctx_sign(to, message.as_ptr(), message.len(), key, context.as_ptr(), context.len())
            }
            Form::Prehash(digest, context) => {
                lc::ED25519ph_sign_digest(to, digest.as_ptr(), key, context.as_ptr(), context.len())
            }
        }
    };
    ok("ED25519_sign", done).map(|()| out)
}

/// Whether the signature is right; the message is not looked at for a prehash.
pub fn verify(public: &[u8; 32], form: Form<'_>, message: &[u8], signature: &[u8; 64]) -> bool {
    let (by, key) = (signature.as_ptr(), public.as_ptr());
    // SAFETY: the signature has the 64 bytes that are read, the key the 32 and a prehash the 64; slices come with their
    // lengths.
    let verdict: c_int = unsafe {
        match form {
            Form::Pure => lc::ED25519_verify(message.as_ptr(), message.len(), by, key),
            Form::Context(context) => {
                lc::ED25519ctx_verify(message.as_ptr(), message.len(), by, key, context.as_ptr(), context.len())
            }
            Form::Prehash(digest, context) => {
                lc::ED25519ph_verify_digest(digest.as_ptr(), by, key, context.as_ptr(), context.len())
            }
        }
    };
    ok("ED25519_verify", verdict).is_ok()
}

/// The function X25519 (RFC 7748 section 5); a result of all zeros is a failure.
pub fn x25519(secret: &[u8; 32], peer: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; 32]);
    // SAFETY: writes 32 bytes and reads 32 of each key, which all have.
    let done = unsafe { lc::X25519(out.as_mut_ptr(), secret.as_ptr(), peer.as_ptr()) };
    if done == 1 { Ok(out) } else { Err(failed("X25519")) }
}
