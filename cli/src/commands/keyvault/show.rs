//! `softkeep keyvault show`.

use softkeep_proto::v1::{GetVaultRequest, Vault};

use crate::{azure::HsmArg, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, short = 'n', alias = "vault-name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    #[command(flatten)]
    hsm: HsmArg,
}

/// Prints the vault.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // A vault's name is unique here, so its group adds nothing.
    let _ = args.resource_group;
    args.hsm.refuse()?;
    let vault = get(context.settings.vault(args.name.as_deref())?, context).await?;
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}

/// Asks the daemon for a vault.
pub async fn get(name: String, context: &Context) -> Result<Vault> {
    Ok(context.vaults().await?.get_vault(GetVaultRequest { name }).await?.into_inner())
}
