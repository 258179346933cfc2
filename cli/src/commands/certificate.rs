//! `softkeep keyvault certificate …`, also `softkeep certificate …`.

mod backup;
mod chain;
mod contact;
mod create;
mod delete;
mod download;
mod get_default_policy;
mod import;
mod issuer;
mod list;
mod list_deleted;
mod list_versions;
mod pending;
mod policy;
mod purge;
mod recover;
mod restore;
mod set_attributes;
mod show;
mod show_deleted;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of certificates.
#[derive(Subcommand)]
pub enum Command {
    /// Make a certificate by a policy, or a request for one
    Create(create::Args),
    /// Import a PFX or PEM file with a certificate and its private key
    Import(import::Args),
    /// Show a certificate
    Show(show::Args),
    /// List a vault's certificates
    List(list::Args),
    /// List a certificate's versions
    ListVersions(list_versions::Args),
    /// Change what is said about a version, or the policy for versions to come
    SetAttributes(set_attributes::Args),
    /// Write a certificate, without its private key, to a file
    Download(download::Args),
    /// Delete a certificate with its key and its secret
    Delete(delete::Args),
    /// List the deleted certificates that can be recovered
    ListDeleted(list_deleted::Args),
    /// Show a deleted certificate with its dates
    ShowDeleted(show_deleted::Args),
    /// Bring a deleted certificate back
    Recover(recover::Args),
    /// Destroy a deleted certificate for good
    Purge(purge::Args),
    /// Write a certificate with all its versions to a file, sealed
    Backup(backup::Args),
    /// Bring back a certificate from a backup
    Restore(restore::Args),
    /// Print a policy to begin with
    GetDefaultPolicy(get_default_policy::Args),
    /// Certificates that are being made
    #[command(subcommand)]
    Pending(pending::Command),
    /// Who is told about expiring certificates
    #[command(subcommand)]
    Contact(contact::Command),
    /// Who issues certificates
    #[command(subcommand)]
    Issuer(issuer::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(&args, context).await,
        Command::Import(args) => import::run(&args, context).await,
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
        Command::GetDefaultPolicy(args) => Ok(get_default_policy::run(&args)),
        Command::Pending(command) => pending::run(command, context).await,
        Command::Contact(command) => contact::run(command, context).await,
        Command::Issuer(command) => issuer::run(command, context).await,
    }
}
