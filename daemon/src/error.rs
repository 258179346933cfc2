//! The daemon's one error type. What goes to the caller (`code`, `detail`) and what only the log sees (`source`) are separate fields.

use std::{error, fmt, time::Duration};

pub use softkeep_proto::error::ErrorCode;

/// The result of everything in the daemon that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something was not done.
#[derive(Debug)]
pub struct Error {
    /// The class of the failure; the table in `softkeep-proto` says what each door makes of it.
    pub code: ErrorCode,
    /// One line for the caller: lower case, no full stop, no secret.
    pub detail: String,
    /// The request it ended, as the audit log and the daemon's log name it; 0 before there is one.
    pub request_id: u64,
    /// How long the answer waits, so that guessing is slow without holding a thread.
    pub answer_after: Duration,
    /// The cause, for the log only.
    pub source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// An error with its words for the caller.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), request_id: 0, answer_after: Duration::ZERO, source: None }
    }

    /// Adds the cause, which stays in the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A defect of ours: the caller learns only that there is one.
    pub fn internal(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal, "internal error").because(source)
    }

    /// The one answer to every failed decryption, whatever the cause.
    pub fn decrypt_failed() -> Self {
        Self::new(ErrorCode::DecryptFailed, "decryption failed")
    }

    /// No such vault, or none this caller may know of.
    pub fn vault_not_found(name: &str) -> Self {
        Self::new(ErrorCode::VaultNotFound, format!("no vault '{name}'"))
    }

    /// No such key, or none this caller may know of.
    pub fn key_not_found(name: &str) -> Self {
        Self::new(ErrorCode::KeyNotFound, format!("no key '{name}'"))
    }

    /// No such secret or version.
    pub fn secret_not_found(name: &str) -> Self {
        Self::new(ErrorCode::SecretNotFound, format!("no secret '{name}'"))
    }

    /// No deleted key of this name, or none this caller may know of.
    pub fn deleted_key_not_found(name: &str) -> Self {
        Self::new(ErrorCode::KeyNotFound, format!("no deleted key '{name}'"))
    }

    /// No such certificate or version.
    pub fn certificate_not_found(name: &str) -> Self {
        Self::new(ErrorCode::CertificateNotFound, format!("no certificate '{name}'"))
    }

    /// The daemon has no root key at the moment.
    pub fn sealed() -> Self {
        Self::new(ErrorCode::Sealed, "the daemon is sealed")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.reason(), self.detail)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn error::Error + 'static))
    }
}
