//! `softkeep keyvault …`.

mod create;
mod delete;
mod list;
mod show;

use clap::Subcommand;

use super::{Reply, key};
use crate::{client::Context, error::Result};

/// The verbs of vaults.
#[derive(Subcommand)]
pub enum Command {
    /// Make a vault
    Create(create::Args),
    /// List the vaults you may see
    List(list::Args),
    /// Show a vault
    Show(show::Args),
    /// Delete a vault with everything in it
    Delete(delete::Args),
    /// Keys
    #[command(subcommand)]
    Key(key::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::Key(command) => key::run(command, context).await,
    }
}
