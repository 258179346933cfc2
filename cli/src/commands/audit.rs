//! `softkeep audit …`.

mod tail;
mod verify;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of the audit log.
#[derive(Subcommand)]
pub enum Command {
    /// Print the newest records, one JSON object a line
    Tail(tail::Args),
    /// Check the whole log: chain, checkpoints, anchor
    Verify,
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Tail(args) => tail::run(&args, context).await,
        Command::Verify => verify::run(context).await,
    }
}
