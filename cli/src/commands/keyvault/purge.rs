//! `softkeep keyvault purge`.

use softkeep_proto::v1::PurgeVaultRequest;

use super::NamedVault;
use crate::{client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: NamedVault,
}

/// Destroys the deleted vault's key-encryption key, and with it everything. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = PurgeVaultRequest { name: args.vault.name()? };
    context.vaults().await?.purge_vault(request).await?;
    Ok(Reply::nothing())
}
