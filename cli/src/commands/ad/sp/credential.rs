//! `softkeep ad sp credential …`.

mod delete;
mod list;
mod reset;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of credentials.
#[derive(Subcommand)]
pub enum Command {
    /// List a service principal's secrets or certificates
    List(list::Args),
    /// Give a service principal a new secret
    Reset(reset::Args),
    /// Take a secret or certificate away
    Delete(delete::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::List(args) => list::run(&args, context).await,
        Command::Reset(args) => reset::run(args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
    }
}
