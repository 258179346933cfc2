//! `softkeep role …`: who may do what, where.

pub mod assignment;
pub mod definition;

use clap::Subcommand;

use super::Reply;
use crate::{client::Context, error::Result};

/// What there is about roles.
#[derive(Subcommand)]
pub enum Command {
    /// Who has which role where
    #[command(subcommand)]
    Assignment(assignment::Command),
    /// What the roles allow
    #[command(subcommand)]
    Definition(definition::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Assignment(command) => assignment::run(command, context).await,
        Command::Definition(command) => definition::run(command, context).await,
    }
}
