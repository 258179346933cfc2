//! The module's log: one line for each failed call, off unless asked for. No secret, no PIN and no data goes here.

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use crate::error::Error;

/// Where the lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Nowhere.
    #[default]
    Off,
    /// The host's standard error.
    Stderr,
    /// Appended to a file.
    File(PathBuf),
}

impl Log {
    /// `off`, `stderr`, or a file's path.
    pub fn parse(text: &str) -> Self {
        match text {
            "" | "off" => Self::Off,
            "stderr" => Self::Stderr,
            path => Self::File(path.into()),
        }
    }

    /// Writes one line. Losing it must not fail the call it describes.
    pub fn line(&self, text: &str) {
        let line = format!("softkeep-pkcs11[{}]: {text}\n", std::process::id());
        match self {
            Self::Off => {}
            // Not `eprintln!`: its lock could be held by a thread that does not exist after fork().
            Self::Stderr => drop(rustix::io::write(std::io::stderr(), line.as_bytes())),
            // Opened for each line: hosts that daemonize close every descriptor they did not open.
            Self::File(path) => {
                if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
                    drop(file.write_all(line.as_bytes()));
                }
            }
        }
    }

    /// One line for a failed call.
    pub fn failure(&self, function: &str, error: &Error) {
        if *self != Self::Off {
            self.line(&format!("{function}: 0x{:08x}: {error}", error.ck_rv()));
        }
    }
}
