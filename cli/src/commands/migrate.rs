//! `softkeep migrate …`: bringing what another token holds into a vault.

mod softhsm;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// From where.
#[derive(Subcommand)]
pub enum Command {
    /// Import a SoftHSM2 token: its keys, certificates and data, with their ids, labels and flags
    Softhsm(softhsm::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Softhsm(args) => softhsm::run(&args, context).await,
    }
}
