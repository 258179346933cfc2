//! `softkeep token …`: the PINs of a vault's PKCS#11 token.

mod pin;
mod set_pin;
mod set_so_pin;
mod show;
mod unlock;

use clap::Subcommand;

use super::Reply;
use crate::{args::VaultArg, client::Context, error::Result};

/// The verbs of tokens.
#[derive(Subcommand)]
pub enum Command {
    /// Set the security officer's PIN; live SO logins end
    SetSoPin(pin::Args),
    /// Set the user PIN; live user logins end
    SetPin(pin::Args),
    /// Forget the wrong PINs counted
    Unlock(unlock::Args),
    /// Show label, serial number, slot, and the wrong PINs counted
    Show(VaultArg),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::SetSoPin(args) => set_so_pin::run(&args, context).await,
        Command::SetPin(args) => set_pin::run(&args, context).await,
        Command::Unlock(args) => unlock::run(args, context).await,
        Command::Show(args) => show::run(&args, context).await,
    }
}
