//! `softkeep policy explain`: asks the engine that decides, and changes nothing.

use serde_json::json;
use softkeep_proto::v1::ExplainPolicyRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Who: an object id, a user's name, an app id, uid:NUMBER, certificate:NAME, pin:user or pin:so [default: yourself]
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// What: sign, secrets/get, certificates/import, vaults/write …
    #[arg(long)]
    permission: String,
    #[command(flatten)]
    vault: VaultArg,
    /// A key, secret or certificate; without it the vault is meant
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// A version of the key
    #[arg(long, requires = "name")]
    version: Option<String>,
}

/// Prints what would happen and why.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // What is of no vault ("principals/write") is asked about without one.
    let vault = args.vault.vault_name.or_else(|| context.settings.vault.clone()).unwrap_or_default();
    let request = ExplainPolicyRequest {
        principal: args.principal.unwrap_or_default(),
        permission: args.permission,
        vault,
        object: args.name.unwrap_or_default(),
        version: args.version.unwrap_or_default(),
    };
    let told = context.access().await?.explain_policy(request).await?.into_inner();
    let fix = if told.fix.is_empty() { None } else { Some(told.fix) };
    let value = json!({ "allowed": told.allowed, "fix": fix, "reasons": told.reasons });
    Ok(Reply::value(value).columns(&[("Allowed", "/allowed"), ("Reasons", "/reasons"), ("Fix", "/fix")]))
}
