//! `softkeep keyvault network-rule add`.

use super::{RuleArgs, keep, rules};
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    rule: RuleArgs,
}

/// Adds the rules that are not there yet and prints the vault.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.rule.vault(context).await?;
    let mut rules = rules(&vault);
    for address in &args.rule.ip_address {
        if !rules.ip_addresses.contains(address) {
            rules.ip_addresses.push(address.clone());
        }
    }
    if let Some(subnet) = &args.rule.subnet
        && !rules.subnet_ids.iter().any(|known| known.eq_ignore_ascii_case(subnet))
    {
        rules.subnet_ids.push(subnet.clone());
    }
    let vault = keep(vault, rules, context).await?;
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
