//! `softkeep ad sp …`.

mod create_for_rbac;
mod credential;
mod delete;
mod list;
mod show;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of service principals.
#[derive(Subcommand)]
pub enum Command {
    /// Make a service principal with a secret, and give it a role
    CreateForRbac(create_for_rbac::Args),
    /// List the service principals
    List(list::Args),
    /// Show a service principal
    Show(show::Args),
    /// Delete a service principal
    Delete(delete::Args),
    /// What it may sign in with
    #[command(subcommand)]
    Credential(credential::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::CreateForRbac(args) => create_for_rbac::run(args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::Credential(command) => credential::run(command, context).await,
    }
}
