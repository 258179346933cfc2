//! `softkeep byok …`: wrapping a key for another key service, or for a vault here. No daemon is asked and nothing is sent.

mod jwk;
mod source;
mod wrap;

use clap::Subcommand;

use super::Reply;
use crate::error::Result;

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Wrap a key for a key service to import
    Wrap(wrap::Args),
}

/// Runs one verb.
pub fn run(command: &Command) -> Result<Reply> {
    match command {
        Command::Wrap(args) => wrap::run(args),
    }
}
