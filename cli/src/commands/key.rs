//! `softkeep keyvault key …`, also `softkeep key …`.

mod create;
mod decrypt;
mod delete;
mod download;
mod encrypt;
mod import;
mod input;
mod list;
mod list_deleted;
mod list_versions;
mod recover;
mod show;
mod sign;
mod verify;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of keys.
#[derive(Subcommand)]
pub enum Command {
    /// Make a key
    Create(create::Args),
    /// Import a private key from a PEM file
    Import(import::Args),
    /// List a vault's keys
    List(list::Args),
    /// List a key's versions
    ListVersions(list_versions::Args),
    /// Show a key's public half and attributes
    Show(show::Args),
    /// Delete a key with all its versions
    Delete(delete::Args),
    /// List the deleted keys that can be recovered
    ListDeleted(list_deleted::Args),
    /// Bring a deleted key back
    Recover(recover::Args),
    /// Write a key's public half to a file
    Download(download::Args),
    /// Sign a digest or a file
    Sign(sign::Args),
    /// Verify a signature
    Verify(verify::Args),
    /// Encrypt a short value
    Encrypt(encrypt::Args),
    /// Decrypt what encrypt made
    Decrypt(decrypt::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(&args, context).await,
        Command::Import(args) => import::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::ListVersions(args) => list_versions::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::ListDeleted(args) => list_deleted::run(&args, context).await,
        Command::Recover(args) => recover::run(&args, context).await,
        Command::Download(args) => download::run(&args, context).await,
        Command::Sign(args) => sign::run(&args, context).await,
        Command::Verify(args) => verify::run(&args, context).await,
        Command::Encrypt(args) => encrypt::run(&args, context).await,
        Command::Decrypt(args) => decrypt::run(&args, context).await,
    }
}
