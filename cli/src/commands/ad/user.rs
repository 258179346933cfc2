//! `softkeep ad user …`.

mod create;
mod delete;
mod list;
mod show;
mod update;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of users.
#[derive(Subcommand)]
pub enum Command {
    /// Make a user
    Create(create::Args),
    /// List the users
    List(list::Args),
    /// Show a user
    Show(show::Args),
    /// Change a user
    Update(update::Args),
    /// Delete a user
    Delete(delete::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::Update(args) => update::run(args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
    }
}
