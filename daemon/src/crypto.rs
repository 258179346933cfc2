//! The traits of a cryptographic backend and what both backends share. No key is stored, no time is told, nothing is
//! awaited here: bytes in, bytes out. The backends themselves are in `crypto/aws_lc.rs` and `crypto/rustcrypto.rs`.

use std::sync::Arc;

use sha2::Digest as _;
use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType, SignScheme};
use zeroize::Zeroizing;

use crate::error::Result;

pub mod aws_lc;
mod ffi;
mod input;
pub mod key_info;
pub mod random;
pub mod rustcrypto;
pub mod self_signed;

#[cfg(test)]
mod contract;

pub use aws_lc::AwsLc;
pub use random::fill_random;
pub use rustcrypto::RustCrypto;

/// A library that makes and uses keys. All of them pass the same tests (`crypto/contract.rs`) and give the same error
/// codes, so nobody above this room needs to know which one is running.
pub trait Backend: Send + Sync + 'static {
    /// The name in the configuration and in the log: `aws-lc` or `rustcrypto`.
    fn name(&self) -> &'static str;

    /// Makes a private key and gives it as PKCS#8 DER (RFC 5958, version 1).
    fn generate(&self, key_type: KeyType) -> Result<Zeroizing<Vec<u8>>>;

    /// Parses and checks a private key. This is slow and done once; what it returns is kept and used many times.
    fn open(&self, pkcs8_der: &[u8]) -> Result<Arc<dyn PrivateKey>>;

    /// Parses and checks a public key (SubjectPublicKeyInfo DER, RFC 5280 section 4.1.2.7).
    fn open_public(&self, spki_der: &[u8]) -> Result<Arc<dyn PublicKey>>;
}

/// An open private key. It has no `Debug`, so that it cannot end up in a log, and wipes its memory when dropped.
pub trait PrivateKey: Send + Sync {
    /// What kind of key this is.
    fn key_type(&self) -> KeyType;

    /// Signs a digest, or for the raw RSA schemes the caller's own block. ECDSA gives r‖s, each as wide as the curve.
    fn sign(&self, scheme: SignScheme, input: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts. Whatever is wrong with the ciphertext, the error is the one of `Error::decrypt_failed`: an attacker
    /// who could tell the causes apart would have an oracle (RFC 8017 section 7.1.2, note).
    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>>;
}

/// An open public key.
pub trait PublicKey: Send + Sync {
    /// What kind of key this is.
    fn key_type(&self) -> KeyType;

    /// Whether the signature is right. A signature of the wrong length is wrong, not an error; an input that
    /// [`PrivateKey::sign`] would refuse is an error.
    fn verify(&self, scheme: SignScheme, input: &[u8], signature: &[u8]) -> Result<bool>;

    /// Encrypts.
    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>>;
}

/// The length in bytes of every signature that a key of this type makes.
pub fn signature_len(key_type: KeyType) -> usize {
    match key_type {
        KeyType::Rsa(bits) => modulus_len(bits),
        KeyType::Ec(curve) => 2 * curve.width_bytes(),
    }
}

/// The digest of a message, for callers that sign what they have written themselves.
pub fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => sha1::Sha1::digest(message).to_vec(),
        Hash::Sha224 => sha2::Sha224::digest(message).to_vec(),
        Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
        Hash::Sha512 => sha2::Sha512::digest(message).to_vec(),
    }
}

/// The hash that belongs to a curve's strength (RFC 7518 section 3.4, RFC 5758 section 3.2).
pub fn curve_hash(curve: Curve) -> Hash {
    match curve {
        Curve::P256 => Hash::Sha256,
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
    }
}

/// The modulus's length in bytes (`k` in RFC 8017).
fn modulus_len(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}
