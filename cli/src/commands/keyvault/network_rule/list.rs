//! `softkeep keyvault network-rule list`.

use super::rules;
use crate::{
    azure::HsmArg,
    client::Context,
    commands::{Reply, keyvault::show},
    error::Result,
    shape::vault::network_rules,
};

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

/// Prints the rules.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    args.hsm.refuse()?;
    // A vault's name is unique here, so its group adds nothing.
    let _ = &args.resource_group;
    let vault = show::get(context.settings.vault(args.name.as_deref())?, context).await?;
    Ok(Reply::value(network_rules(&rules(&vault))))
}
