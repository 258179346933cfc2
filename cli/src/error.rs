//! The CLI's one error type: three lines on stderr and an exit code. The exit codes of daemon errors come from the
//! table in `softkeep-proto`.

#[cfg(test)]
mod tests;

mod fix;

use std::{
    fmt::{self, Write},
    io, process,
};

use softkeep_proto::error::{ERROR_DOMAIN, ErrorCode, ExitCode};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The result of everything in the CLI that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What the `code:` line says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    /// A wrong command line or configuration.
    Usage,
    /// Something on this side: a file, a process.
    Local,
    /// One of the shared codes, from the daemon or found here first.
    Coded(ErrorCode),
    /// A gRPC status without a reason we know.
    Foreign(Code),
}

/// Why a command failed.
#[derive(Debug)]
pub struct Error {
    message: String,
    label: Label,
    request: Option<String>,
    fix: Option<String>,
}

impl Error {
    fn with(label: Label, message: impl Into<String>) -> Self {
        Self { message: message.into(), label, request: None, fix: None }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::with(Label::Usage, message)
    }

    /// Something on this machine failed.
    pub fn local(message: impl Into<String>) -> Self {
        Self::with(Label::Local, message)
    }

    /// Something on this machine failed, with the operating system's reason.
    pub fn io(message: impl fmt::Display, error: &io::Error) -> Self {
        Self::local(format!("{message}: {error}"))
    }

    /// An error with one of the shared codes.
    pub fn coded(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::with(Label::Coded(code), message)
    }

    /// The daemon did not answer at all.
    pub fn unreachable(endpoint: &str, reason: &str) -> Self {
        Self::coded(ErrorCode::Unavailable, format!("cannot reach softkeepd at {endpoint}: {reason}"))
    }

    /// The connection was there and ended before the answer.
    fn cut_off(status: &Status) -> Self {
        let mut reason = status.message().to_owned();
        let mut cause = source(status);
        while let Some(error) = cause {
            reason = error.to_string();
            cause = error.source();
        }
        Self::coded(ErrorCode::Unavailable, format!("the connection ended before the daemon answered: {reason}"))
            .fix("try again; over https, the daemon's client-ca-file must have signed this certificate-file")
    }

    /// Says what to do about it, instead of the table's general hint.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The process's exit code.
    pub fn exit(&self) -> ExitCode {
        match self.label {
            Label::Usage => ExitCode::Usage,
            Label::Local => ExitCode::Failed,
            Label::Coded(code) => code.exit(),
            Label::Foreign(code) => foreign_exit(code),
        }
    }

    /// The shared code, if it has one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self.label {
            Label::Coded(code) => Some(code),
            _ => None,
        }
    }

    /// One line: what went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match (&self.fix, &self.label) {
            (Some(fix), _) => Some(fix),
            (None, Label::Coded(code)) => Some(fix::hint(*code)),
            (None, Label::Foreign(code)) => fix::foreign_hint(*code),
            (None, Label::Usage) => Some("softkeep --help"),
            (None, Label::Local) => Some("put right what the error names, then run it again"),
        }
    }

    /// The `error:`, `code:` and `fix:` lines.
    pub fn render(&self) -> String {
        let code = match &self.label {
            Label::Usage => "USAGE".to_owned(),
            Label::Local => "FAILED".to_owned(),
            Label::Coded(code) => format!("{} ({:?})", code.reason(), code.grpc()),
            Label::Foreign(code) => format!("{} ({code:?})", screaming(*code)),
        };
        let mut text = format!("error: {}\n  code: {code}", printable(&self.message));
        // Writing to a String cannot fail.
        if let Some(request) = &self.request {
            let _ = write!(text, "  request: {}", printable(request));
        }
        if let Some(fix) = self.hint() {
            let _ = write!(text, "\n  fix: {fix}");
        }
        text
    }

    /// Prints the error on stderr and gives the exit code.
    pub fn report(&self) -> process::ExitCode {
        eprintln!("{}", self.render());
        process::ExitCode::from(self.exit() as u8)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let info = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN);
        let known = info.as_ref().and_then(|info| ErrorCode::from_reason(&info.reason));
        let label = match (known, status.code()) {
            (Some(code), _) => Label::Coded(code),
            (None, Code::Unavailable) => Label::Coded(ErrorCode::Unavailable),
            (None, Code::DeadlineExceeded) => Label::Coded(ErrorCode::DeadlineExceeded),
            (None, Code::Cancelled) if status.message().to_ascii_lowercase().contains("timeout") => {
                Label::Coded(ErrorCode::DeadlineExceeded)
            }
            // A daemon never says these; the connection ended under the call, as it does where a certificate is refused.
            (None, Code::Cancelled | Code::Unknown) if source(&status).is_some() => return Self::cut_off(&status),
            (None, code) => Label::Foreign(code),
        };
        let message = if status.message().is_empty() { "the daemon gave no reason" } else { status.message() };
        let mut error = Self::with(label, message);
        error.request = status
            .get_details_request_info()
            .map(|request| request.request_id)
            .or_else(|| info.and_then(|info| info.metadata.get("request_id").cloned()))
            .or_else(|| Some(status.metadata().get("x-request-id")?.to_str().ok()?.to_owned()))
            .filter(|id| !id.is_empty());
        error
    }
}

/// What a status was made from on this side; one that came over the wire has none.
fn source(status: &Status) -> Option<&(dyn std::error::Error + 'static)> {
    std::error::Error::source(status)
}

/// `NotFound` as `NOT_FOUND`.
fn screaming(code: Code) -> String {
    let mut text = String::new();
    for (index, letter) in format!("{code:?}").chars().enumerate() {
        if index > 0 && letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// The exit code of a status that carries no reason of ours (a proxy, an older daemon).
fn foreign_exit(code: Code) -> ExitCode {
    match code {
        Code::NotFound => ExitCode::NotFound,
        Code::PermissionDenied | Code::Unauthenticated => ExitCode::NotPermitted,
        Code::Unavailable => ExitCode::Unreachable,
        _ => ExitCode::Failed,
    }
}

/// A message without control characters: what the other side sends must not steer this terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
