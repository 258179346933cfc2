//! `softkeep keyvault secret …`, also `softkeep secret …`.

mod backup;
mod delete;
mod download;
mod encoding;
mod list;
mod list_deleted;
mod list_versions;
mod purge;
mod recover;
mod restore;
mod set;
mod set_attributes;
mod show;
mod show_deleted;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of secrets.
#[derive(Subcommand)]
pub enum Command {
    /// Make a secret, or a new version of one
    Set(set::Args),
    /// Show a secret with its value
    Show(show::Args),
    /// List a vault's secrets, without values
    List(list::Args),
    /// List a secret's versions, without values
    ListVersions(list_versions::Args),
    /// Change what is said about a version of a secret
    SetAttributes(set_attributes::Args),
    /// Write a secret's value to a file
    Download(download::Args),
    /// Delete a secret with all its versions
    Delete(delete::Args),
    /// List the deleted secrets that can be recovered
    ListDeleted(list_deleted::Args),
    /// Show a deleted secret with its dates
    ShowDeleted(show_deleted::Args),
    /// Bring a deleted secret back
    Recover(recover::Args),
    /// Destroy a deleted secret for good
    Purge(purge::Args),
    /// Write a secret with all its versions to a file, sealed
    Backup(backup::Args),
    /// Bring back a secret from a backup
    Restore(restore::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Set(args) => set::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::ListVersions(args) => list_versions::run(&args, context).await,
        Command::SetAttributes(args) => set_attributes::run(&args, context).await,
        Command::Download(args) => download::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::ListDeleted(args) => list_deleted::run(&args, context).await,
        Command::ShowDeleted(args) => show_deleted::run(&args, context).await,
        Command::Recover(args) => recover::run(&args, context).await,
        Command::Purge(args) => purge::run(&args, context).await,
        Command::Backup(args) => backup::run(&args, context).await,
        Command::Restore(args) => restore::run(&args, context).await,
    }
}
