//! `softkeep policy …`: who may do what, put into words.

mod explain;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of policies.
#[derive(Subcommand)]
pub enum Command {
    /// Say whether somebody could do something, and why
    Explain(explain::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Explain(args) => explain::run(args, context).await,
    }
}
