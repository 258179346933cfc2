//! `softkeep keyvault network-rule …`. Rules are kept and shown; who may connect is the listener's business.

mod add;
mod list;
mod remove;

use clap::Subcommand;
use prost_types::FieldMask;
use softkeep_proto::v1::{NetworkRules, UpdateVaultRequest, Vault};

use super::{show, wait};
use crate::{
    azure::{self, HsmArg},
    client::Context,
    commands::Reply,
    error::{Error, Result},
};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Add addresses or a subnet
    Add(add::Args),
    /// Print the rules
    List(list::Args),
    /// Remove addresses or a subnet
    Remove(remove::Args),
    /// Wait until the vault is as it should be
    Wait(wait::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Add(args) => add::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Remove(args) => remove::run(&args, context).await,
        Command::Wait(args) => wait::run(&args, context).await,
    }
}

/// A vault and the rules that a verb is about.
#[derive(clap::Args)]
struct RuleArgs {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, short = 'n', alias = "vault-name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// Addresses or ranges, e.g. 10.0.0.0/24
    #[arg(long, num_args = 1.., value_name = "ADDRESS")]
    ip_address: Vec<String>,
    /// A subnet, by its identifier
    #[arg(long, value_name = "ID")]
    subnet: Option<String>,
    /// Virtual networks are in Azure only: give --subnet its identifier
    #[arg(long, hide = true)]
    vnet_name: Option<String>,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    #[command(flatten)]
    hsm: HsmArg,
}

impl RuleArgs {
    /// The vault, once the flags make sense.
    async fn vault(&self, context: &Context) -> Result<Vault> {
        self.hsm.refuse()?;
        azure::refuse_flag("--vnet-name", self.vnet_name.is_some())?;
        // A vault's name is unique here, and nothing is left to wait for.
        let _ = (&self.resource_group, self.no_wait);
        if self.ip_address.is_empty() && self.subnet.is_none() {
            return Err(Error::usage("no rule is given").fix("--ip-address ADDRESS, or --subnet ID"));
        }
        show::get(context.settings.vault(self.name.as_deref())?, context).await
    }
}

/// The rules of a vault, or those of one that nobody gave any.
fn rules(vault: &Vault) -> NetworkRules {
    vault.network_rules.clone().unwrap_or_else(|| NetworkRules {
        default_action: "Allow".to_owned(),
        bypass: "AzureServices".to_owned(),
        ..NetworkRules::default()
    })
}

async fn keep(mut vault: Vault, rules: NetworkRules, context: &Context) -> Result<Vault> {
    vault.network_rules = Some(rules);
    let request = UpdateVaultRequest {
        vault: Some(vault),
        update_mask: Some(FieldMask { paths: vec!["network_rules".to_owned()] }),
    };
    Ok(context.vaults().await?.update_vault(request).await?.into_inner())
}
