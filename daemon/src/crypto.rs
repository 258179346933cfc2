//! The traits of a cryptographic backend and what both backends share. No key is stored, no time is told, nothing is
//! awaited here: bytes in, bytes out. The backends themselves are in `crypto/aws_lc.rs` and `crypto/rustcrypto.rs`.

use std::sync::Arc;

use softkeep_proto::algorithm::{Curve, EncryptScheme, Hash, KeyType, SignScheme};
use zeroize::Zeroizing;

use crate::error::Result;

pub mod aws_lc;
pub mod byok;
#[doc(hidden)]
pub mod certificate_file;
pub mod cipher;
pub mod dh;
mod edwards;
mod ffi;
pub mod hashes;
mod input;
pub mod kdf;
pub mod key_info;
pub mod key_parts;
pub mod key_wrap;
pub mod lattice;
pub mod mac;
mod montgomery;
pub mod pem;
pub mod pfx;
mod pkcs1_v15;
mod portable;
pub mod random;
pub mod rustcrypto;
pub mod self_signed;
#[doc(hidden)]
pub mod unwrapped;
pub mod x509;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod test_vectors;
#[cfg(test)]
mod wycheproof;

pub use aws_lc::AwsLc;
pub use random::fill_random;
pub use rustcrypto::RustCrypto;

/// A library that makes and uses keys. All of them pass the same tests (`crypto/contract.rs`) and give the same error
/// codes, so nobody above this room needs to know which one is running.
pub trait Backend: Send + Sync + 'static {
    /// The name in the configuration and in the log: `aws-lc` or `rustcrypto`.
    fn name(&self) -> &'static str;

    /// Makes a private key and gives it as PKCS#8 DER (RFC 5958, version 1), or a secret key as its bytes.
    /// Diffie-Hellman keys need parameters: [`dh::generate`].
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

    /// Signs what the scheme takes: a digest, a message, or the caller's own block. ECDSA gives r‖s, each as wide as the
    /// curve.
    fn sign(&self, scheme: &SignScheme, input: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts. Whatever is wrong with the ciphertext, the error is the one of `Error::decrypt_failed`: an attacker
    /// who could tell the causes apart would have an oracle (RFC 8017 section 7.1.2, note).
    ///
    /// With one exception: PKCS#1 v1.5 gives bytes for every ciphertext that is a block of this key, and only whoever
    /// made the ciphertext knows whether they are the right ones (docs/decisions/0008).
    fn decrypt(&self, scheme: &EncryptScheme, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>>;

    /// PKCS#1 v1.5 decryption of what must have `len` bytes: other bytes, always the same ones, if it has not.
    fn decrypt_pkcs1_to_len(&self, _ciphertext: &[u8], _len: usize) -> Result<Zeroizing<Vec<u8>>> {
        Err(input::cannot(self.key_type(), "decrypt"))
    }

    /// What this key and a peer's public key have in common. ECDH: the peer is a point (SEC 1 section 2.3.3), the result
    /// its x coordinate as wide as the curve. X25519 and X448: u coordinates (RFC 7748). Diffie-Hellman: numbers, the
    /// result as long as the prime.
    fn agree(&self, _peer_public: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(input::cannot(self.key_type(), "agree on a secret"))
    }

    /// The secret inside a ciphertext of ML-KEM. A forged one gives a secret that nobody knows (FIPS 203 section 6.3).
    fn decapsulate(&self, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(input::cannot(self.key_type(), "decapsulate"))
    }
}

/// An open public key.
pub trait PublicKey: Send + Sync {
    /// What kind of key this is.
    fn key_type(&self) -> KeyType;

    /// Whether the signature is right. A signature of the wrong length is wrong, not an error; an input that
    /// [`PrivateKey::sign`] would refuse is an error.
    fn verify(&self, scheme: &SignScheme, input: &[u8], signature: &[u8]) -> Result<bool>;

    /// Encrypts.
    fn encrypt(&self, scheme: &EncryptScheme, plaintext: &[u8]) -> Result<Vec<u8>>;

    /// A new secret of 32 bytes, inside a ciphertext for this key of ML-KEM.
    fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        Err(input::cannot(self.key_type(), "encapsulate"))
    }
}

/// The length in bytes of every signature that a key of this type makes; 0 for types that sign nothing.
pub fn signature_len(key_type: KeyType) -> usize {
    match key_type {
        KeyType::Rsa(bits) => modulus_len(bits),
        KeyType::Ec(curve) => 2 * curve.width_bytes(),
        KeyType::Edwards(curve) => curve.signature_bytes(),
        KeyType::MlDsa(set) => set.signature_bytes(),
        KeyType::Montgomery(_) | KeyType::Dh(_) | KeyType::MlKem(_) | KeyType::Secret(..) => 0,
    }
}

/// The digest of a message, for callers that sign what they have written themselves.
pub fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    hashes::digest(hash, &[message])
}

/// The hash that belongs to a curve's strength (RFC 7518 section 3.4, RFC 8812 section 3.2, RFC 5758 section 3.2).
pub fn curve_hash(curve: Curve) -> Hash {
    match curve {
        Curve::P256 | Curve::P256K => Hash::Sha256,
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
    }
}

/// The modulus's length in bytes (`k` in RFC 8017).
fn modulus_len(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}
