//! `softkeep certificate pending …`: certificates that somebody else has to issue.

mod delete;
mod merge;
mod show;

use clap::Subcommand;

use crate::{client::Context, commands::Reply, error::Result};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Show how far it is, with the request to be signed
    Show(show::Args),
    /// Complete it with what an authority issued
    Merge(merge::Args),
    /// Give it up
    Delete(delete::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Show(args) => show::run(&args, context).await,
        Command::Merge(args) => merge::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
    }
}
