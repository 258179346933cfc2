//! Keys that come in wrapped for a key that is here (BYOK), in the words of five services; `docs/byok.md` has them side by side.
//!
//! All of them mean one of two things: the target encrypted by RSA-OAEP (RFC 8017 section 7.1) as it is, or a new AES key
//! encrypted so and, behind it, the target wrapped with that (RFC 5649; PKCS#11 3.2 calls it CKM_RSA_AES_KEY_WRAP). Reading the
//! words is in `byok/dialect.rs` and `byok/transfer_file.rs`, what is inside in `byok/target.rs`. What is wrong with the form has
//! an error of its own, because everybody can see it; whatever is wrong behind the RSA key's door has one, and takes as long.

use softkeep_proto::algorithm::{EncryptScheme, Hash};
use zeroize::Zeroizing;

use super::{
    PrivateKey,
    cipher::{self, Cipher},
    fill_random,
};
use crate::error::{Error, ErrorCode, Result};

mod dialect;
#[doc(hidden)]
pub mod fuzzing;
mod target;
mod transfer_file;

pub use dialect::{Dialect, parse};
pub use target::{Kind, Target};
pub use transfer_file::KekIdentifier;

/// The largest file or blob that is looked at: an RSA key of 8192 bits needs 5 KiB, and JSON a third more.
pub const MAX_BLOB_BYTES: usize = 64 * 1024;

/// A key for imports has at least so many bits …
const MIN_KEK_BITS: u32 = 2048;
/// … and at most so many, as everywhere else.
const MAX_KEK_BITS: u32 = 4096;

/// The shortest wrapped target: 16 bytes and the block that vouches for them (RFC 5649 section 4.1).
const MIN_WRAPPED_BYTES: usize = 24;

/// RFC 5649 works in blocks of so many bytes.
const WRAP_BLOCK_BYTES: usize = 8;

/// How the target is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// By OAEP itself.
    Direct,
    /// By an AES key that OAEP hides.
    Aes,
}

/// A wrapped key, read as far as it can be without the key that unwraps it.
#[derive(Debug)]
pub struct Envelope {
    /// In whose words it came.
    pub dialect: Dialect,
    /// The key that unwraps it, where the file names it.
    pub kek: Option<KekIdentifier>,
    /// What it may be: where nobody says which hash was used, each one is tried.
    hashes: Vec<Hash>,
    /// Told, or else the length decides.
    layout: Option<Layout>,
    /// The bits of the key that unwraps it, where the algorithm's name says so.
    kek_bits: Option<u32>,
    ciphertext: Vec<u8>,
}

/// What came out of an envelope, and how it had been wrapped.
pub struct Opened {
    /// The target's bytes: PKCS#8, or a secret key's own.
    pub target: Zeroizing<Vec<u8>>,
    /// For the receipt.
    pub algorithm: String,
    /// RSA alone hid it.
    pub is_direct: bool,
}

/// The one answer to whatever is wrong inside.
pub fn invalid() -> Error {
    Error::new(ErrorCode::TransferBlobInvalid, "the wrapped key cannot be unwrapped with this key")
}

impl Envelope {
    /// What its sender called the wrapping, as far as it is known before it is open; for the audit log.
    pub fn announced(&self) -> String {
        match (self.hashes.as_slice(), self.layout) {
            ([hash], Some(layout)) => name(*hash, layout),
            _ => "RSA-OAEP".into(),
        }
    }

    /// Unwraps. Each way that is possible is tried to its end, whether or not another one has worked, so that the time tells nothing.
    pub fn open(&self, kek_bits: u32, kek: &dyn PrivateKey) -> Result<Opened> {
        let layout = self.check_form(kek_bits)?;
        let mut opened = None;
        for hash in &self.hashes {
            let target = self.unwrap(kek_bits, kek, *hash, layout)?;
            let found = target.map(|target| Opened {
                target,
                algorithm: name(*hash, layout),
                is_direct: layout == Layout::Direct,
            });
            opened = opened.or(found);
        }
        opened.ok_or_else(invalid)
    }

    /// Refuses what cannot have been wrapped for such a key. Everybody can see that.
    fn check_form(&self, kek_bits: u32) -> Result<Layout> {
        if !(MIN_KEK_BITS..=MAX_KEK_BITS).contains(&kek_bits) {
            let refusal =
                format!("a key that unwraps has {MIN_KEK_BITS} to {MAX_KEK_BITS} bits, this one has {kek_bits}");
            return Err(Error::new(ErrorCode::KeyTypeMismatch, refusal));
        }
        if let Some(bits) = self.kek_bits.filter(|bits| *bits != kek_bits) {
            let refusal = format!("the algorithm is one for a key of {bits} bits, the key that unwraps has {kek_bits}");
            return Err(Error::new(ErrorCode::TransferBlobInvalid, refusal));
        }
        let (modulus, whole) = (super::modulus_len(kek_bits), self.ciphertext.len());
        let behind = whole.saturating_sub(modulus);
        let aes_fits = behind >= MIN_WRAPPED_BYTES && behind.is_multiple_of(WRAP_BLOCK_BYTES);
        let layout = self.layout.unwrap_or(if whole == modulus { Layout::Direct } else { Layout::Aes });
        match layout {
            Layout::Direct if whole == modulus => Ok(layout),
            Layout::Aes if aes_fits => Ok(layout),
            Layout::Direct => Err(wrong_length(format!(
                "the wrapped key has {whole} bytes, and {modulus} come from a key of {kek_bits} bits"
            ))),
            Layout::Aes => Err(wrong_length(format!(
                "the wrapped key has {whole} bytes; a key of {kek_bits} bits makes {modulus}, and behind them come {MIN_WRAPPED_BYTES} or more in blocks of {WRAP_BLOCK_BYTES}"
            ))),
        }
    }

    /// `None` for whatever is wrong. Where OAEP refuses, an AES key of no use does the rest of the work.
    fn unwrap(
        &self,
        kek_bits: u32,
        kek: &dyn PrivateKey,
        hash: Hash,
        layout: Layout,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let scheme = EncryptScheme::RsaOaep { hash, mgf: hash, label: Vec::new() };
        let (hidden, wrapped) = self
            .ciphertext
            .split_at_checked(super::modulus_len(kek_bits))
            .ok_or_else(|| Error::internal("envelope"))?;
        let mut decoy = Zeroizing::new(vec![0; 32]);
        fill_random(&mut decoy)?;
        let found = kek.decrypt(&scheme, hidden);
        if layout == Layout::Direct {
            return Ok(found.ok());
        }
        let found = found.ok().filter(|key| matches!(key.len(), 16 | 24 | 32));
        let (aes_key, genuine) = found.map_or((decoy, false), |key| (key, true));
        let target = cipher::decrypt(&Cipher::AesKwp { iv: None }, &aes_key, wrapped).ok();
        Ok(target.filter(|_| genuine))
    }
}

fn wrong_length(detail: String) -> Error {
    Error::new(ErrorCode::TransferBlobInvalid, detail)
}

/// One name for what has many.
fn name(hash: Hash, layout: Layout) -> String {
    match layout {
        Layout::Direct => format!("RSA-OAEP with {}", hash.name()),
        Layout::Aes => format!("RSA-OAEP with {} and AES-KWP", hash.name()),
    }
}

#[cfg(test)]
mod tests;
