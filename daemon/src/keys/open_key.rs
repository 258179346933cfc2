//! A key in the clear, ready for use.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    crypto::PrivateKey,
    error::{Error, ErrorCode, Result},
};

/// A key in the clear, ready for use.
pub enum OpenKey {
    /// The private half of a pair, as the backend keeps it.
    Private(Arc<dyn PrivateKey>),
    /// The bytes of a secret key.
    Secret(Zeroizing<Vec<u8>>),
}

impl OpenKey {
    /// The private key; the error is the caller's for having named another kind.
    pub fn private(&self) -> Result<&dyn PrivateKey> {
        match self {
            OpenKey::Private(key) => Ok(&**key),
            OpenKey::Secret(_) => Err(Error::new(ErrorCode::KeyTypeMismatch, "the algorithm needs a private key")),
        }
    }

    /// The bytes of the secret key; the error is the caller's for having named another kind.
    pub fn secret(&self) -> Result<&[u8]> {
        match self {
            OpenKey::Secret(bytes) => Ok(bytes),
            OpenKey::Private(_) => Err(Error::new(ErrorCode::KeyTypeMismatch, "the algorithm needs a secret key")),
        }
    }
}
