//! `softkeep keyvault wait`, `softkeep keyvault network-rule wait`.

use std::time::{Duration, Instant};

use serde_json::Value;
use softkeep_proto::error::ErrorCode;

use super::show;
use crate::{
    azure::HsmArg,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    shape,
};

/// Flags.
#[derive(clap::Args)]
#[group(id = "condition", required = true, multiple = false, args = ["created", "updated", "deleted", "exists", "custom"])]
pub struct Args {
    /// Vault
    #[arg(long, short = 'n', alias = "vault-name", required_unless_present = "hsm_name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// Until it is made
    #[arg(long)]
    created: bool,
    /// Until it is changed: a change is done when it returns
    #[arg(long)]
    updated: bool,
    /// Until it is gone
    #[arg(long)]
    deleted: bool,
    /// Until it is there
    #[arg(long)]
    exists: bool,
    /// Until this query of `show` is neither empty nor false
    #[arg(long, value_name = "JMESPATH")]
    custom: Option<String>,
    /// Seconds between two looks
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// Seconds after which to give up
    #[arg(long, default_value_t = 3600)]
    timeout: u64,
    #[command(flatten)]
    hsm: HsmArg,
}

/// Looks until the condition holds. Prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    args.hsm.refuse()?;
    // A vault's name is unique here; and what is there has been made and changed.
    let _ = (&args.resource_group, args.created, args.updated, args.exists);
    let custom = args.custom.as_deref().map(compile).transpose()?;
    let begun = Instant::now();
    loop {
        let holds = match show::get(args.name.clone().unwrap_or_default(), context).await {
            Ok(_) if args.deleted => false,
            Ok(vault) => match &custom {
                Some(query) => truthy(query, shape::vault(&vault))?,
                None => true,
            },
            Err(error) if error.code() == Some(ErrorCode::VaultNotFound) => args.deleted,
            Err(error) => return Err(error),
        };
        if holds {
            return Ok(Reply::nothing());
        }
        if begun.elapsed() + Duration::from_secs(args.interval) > Duration::from_secs(args.timeout) {
            return Err(Error::coded(
                ErrorCode::DeadlineExceeded,
                format!("the condition did not hold within {} seconds", args.timeout),
            )
            .fix("softkeep keyvault show prints the vault as it is; --timeout waits longer"));
        }
        tokio::time::sleep(Duration::from_secs(args.interval)).await;
    }
}

fn compile(text: &str) -> Result<jmespath::Expression<'static>> {
    jmespath::compile(text)
        .map_err(|error| Error::usage(format!("--custom: {}", error.to_string().lines().next().unwrap_or_default())))
}

fn truthy(query: &jmespath::Expression<'_>, value: Value) -> Result<bool> {
    query.search(value).map(|found| found.is_truthy()).map_err(|error| Error::usage(format!("--custom: {error}")))
}
