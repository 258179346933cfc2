//! `softkeep keyvault network-rule remove`.

use super::{RuleArgs, keep, rules};
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    rule: RuleArgs,
}

/// Removes the rules and prints the vault. Like az, one that is not there is no error.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.rule.vault(context).await?;
    let mut rules = rules(&vault);
    rules.ip_addresses.retain(|address| !args.rule.ip_address.contains(address));
    rules.subnet_ids.retain(|known| args.rule.subnet.as_ref().is_none_or(|gone| !gone.eq_ignore_ascii_case(known)));
    let vault = keep(vault, rules, context).await?;
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
