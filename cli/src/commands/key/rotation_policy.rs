//! `softkeep key rotation-policy …`.

mod document;
mod show;
mod update;

use clap::Subcommand;

use crate::{client::Context, commands::Reply, error::Result, output::Columns};

/// `-o table` of a policy.
const COLUMNS: Columns =
    &[("Id", "/id"), ("ExpiresIn", "/expiresIn"), ("CreatedOn", "/createdOn"), ("UpdatedOn", "/updatedOn")];

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Show when a key is rotated
    Show(show::Args),
    /// Say when a key is rotated
    Update(update::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Show(args) => show::run(&args, context).await,
        Command::Update(args) => update::run(&args, context).await,
    }
}
