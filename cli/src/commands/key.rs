//! `softkeep keyvault key …`, also `softkeep key …`.

mod backup;
mod cipher;
mod create;
mod decrypt;
mod delete;
mod download;
mod encrypt;
mod get_attestation;
mod get_policy_template;
mod import;
mod input;
mod list;
mod list_deleted;
mod list_versions;
mod purge;
mod random;
mod recover;
mod restore;
mod rotate;
mod rotation_policy;
mod set_attributes;
mod show;
mod show_deleted;
mod sign;
mod unwrap;
mod verify;
mod wrap;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of keys.
#[derive(Subcommand)]
pub enum Command {
    /// Make a key
    Create(Box<create::Args>),
    /// Import a private key from a PEM file
    Import(Box<import::Args>),
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
    /// Show a deleted key with its dates
    ShowDeleted(show_deleted::Args),
    /// Bring a deleted key back
    Recover(recover::Args),
    /// Destroy a deleted key for good
    Purge(purge::Args),
    /// Change what a version of a key may do and when
    SetAttributes(set_attributes::Args),
    /// Make a new version of a key
    Rotate(rotate::Args),
    /// When a key is rotated by itself
    #[command(subcommand)]
    RotationPolicy(rotation_policy::Command),
    /// Write a key with all its versions to a file, sealed
    Backup(backup::Args),
    /// Bring back a key from a backup
    Restore(restore::Args),
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
    /// Encrypt a key by an algorithm for keys
    Wrap(wrap::Args),
    /// Decrypt what wrap made
    Unwrap(unwrap::Args),
    /// Get random bytes
    Random(random::Args),
    /// Print a release policy to fill in (only Azure can follow one)
    GetPolicyTemplate,
    /// Only with Azure: a Managed HSM's statement about a key
    GetAttestation(get_attestation::Args),
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
        Command::ShowDeleted(args) => show_deleted::run(&args, context).await,
        Command::Recover(args) => recover::run(&args, context).await,
        Command::Purge(args) => purge::run(&args, context).await,
        Command::SetAttributes(args) => set_attributes::run(&args, context).await,
        Command::Rotate(args) => rotate::run(&args, context).await,
        Command::RotationPolicy(command) => rotation_policy::run(command, context).await,
        Command::Backup(args) => backup::run(&args, context).await,
        Command::Restore(args) => restore::run(&args, context).await,
        Command::Download(args) => download::run(&args, context).await,
        Command::Sign(args) => sign::run(&args, context).await,
        Command::Verify(args) => verify::run(&args, context).await,
        Command::Encrypt(args) => encrypt::run(&args, context).await,
        Command::Decrypt(args) => decrypt::run(&args, context).await,
        Command::Wrap(args) => wrap::run(&args, context).await,
        Command::Unwrap(args) => unwrap::run(&args, context).await,
        Command::Random(args) => random::run(&args, context).await,
        Command::GetPolicyTemplate => Ok(get_policy_template::run()),
        Command::GetAttestation(args) => get_attestation::run(&args),
    }
}
