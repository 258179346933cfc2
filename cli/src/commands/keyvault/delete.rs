//! `softkeep keyvault delete`.

use softkeep_proto::v1::DeleteVaultRequest;

use super::NamedVault;
use crate::{client::Context, commands::Reply, error::Result};

/// Flags. The name has no default: deleting is said in full.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: NamedVault,
}

/// Deletes the vault. Like az, it prints nothing on stdout.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = DeleteVaultRequest { name: args.vault.name()? };
    let vault = context.vaults().await?.delete_vault(request).await?.into_inner();
    eprintln!("deleted vault '{}', kept for {} days", vault.name, vault.soft_delete_retention_days);
    Ok(Reply::nothing())
}
