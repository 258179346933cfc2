//! `softkeep keyvault delete`.

use softkeep_proto::v1::DeleteVaultRequest;

use crate::{client::Context, commands::Reply, error::Result};

/// Flags. The name has no default: deleting is said in full.
#[derive(clap::Args)]
pub struct Args {
    /// Vault
    #[arg(long, short = 'n', alias = "vault-name")]
    name: String,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
}

/// Deletes the vault. Like az, it prints nothing on stdout.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // A vault's name is unique here, so its group adds nothing.
    let _ = args.resource_group;
    let vault = context.vaults().await?.delete_vault(DeleteVaultRequest { name: args.name }).await?.into_inner();
    eprintln!("deleted vault '{}', kept for {} days", vault.name, vault.soft_delete_retention_days);
    Ok(Reply::nothing())
}
