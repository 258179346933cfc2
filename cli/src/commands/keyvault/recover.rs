//! `softkeep keyvault recover`.

use softkeep_proto::v1::RecoverVaultRequest;

use super::NamedVault;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: NamedVault,
}

/// Brings the vault back with all that was in it, and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = RecoverVaultRequest { name: args.vault.name()? };
    let vault = context.vaults().await?.recover_vault(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
