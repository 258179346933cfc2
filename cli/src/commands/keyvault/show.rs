//! `softkeep keyvault show`.

use softkeep_proto::v1::GetVaultRequest;

use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, short = 'n', alias = "vault-name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
}

/// Prints the vault.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // A vault's name is unique here, so its group adds nothing.
    let _ = args.resource_group;
    let name = context.settings.vault(args.name.as_deref())?;
    let vault = context.vaults().await?.get_vault(GetVaultRequest { name }).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
