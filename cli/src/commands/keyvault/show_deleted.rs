//! `softkeep keyvault show-deleted`.

use softkeep_proto::v1::GetVaultRequest;

use super::NamedVault;
use crate::{client::Context, commands::Reply, error::Result, shape::vault};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: NamedVault,
}

/// Prints the deleted vault.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = GetVaultRequest { name: args.vault.name()? };
    let found = context.vaults().await?.get_deleted_vault(request).await?.into_inner();
    Ok(Reply::value(vault::deleted_vault(&found)).columns(vault::DELETED_VAULT_COLUMNS))
}
