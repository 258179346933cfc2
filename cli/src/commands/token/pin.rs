//! A new PIN from the user, for `set-pin` and `set-so-pin`.

use std::path::PathBuf;

use softkeep_proto::{error::ErrorCode, limits};

use crate::{
    args::VaultArg,
    error::{Error, Result},
    secret::{self, Secret},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) vault: VaultArg,
    #[command(flatten)]
    source: Source,
}

/// Where the PIN is; the terminal if neither is given.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Source {
    /// The new PIN; also @FILE or - (standard input). Visible to other users if written here
    #[arg(long)]
    pin: Option<String>,
    /// A file with the new PIN; - is standard input
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

impl Args {
    /// The PIN, within the limits that hold for every vault.
    pub fn pin(&self, what: &str) -> Result<Secret> {
        let pin = match (&self.source.pin, &self.source.pin_file) {
            (Some(value), _) => secret::from_flag("--pin", value)?,
            (None, Some(path)) => secret::from_file("--pin-file", path)?,
            (None, None) => secret::prompt(what, "--pin-file", true)?,
        };
        if (limits::MIN_PIN_BYTES_STANDARD..=limits::MAX_PIN_BYTES).contains(&pin.len()) {
            Ok(pin)
        } else {
            Err(Error::coded(ErrorCode::PinInvalid, format!("the {what} has {} bytes", pin.len())))
        }
    }
}
