//! `softkeep keyvault check-name`.

use serde_json::json;
use softkeep_proto::v1::CheckVaultNameRequest;

use super::ResourceType;
use crate::{azure, client::Context, commands::Reply, error::Result, shape::text};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The name
    #[arg(long, short = 'n')]
    name: String,
    /// Of what
    #[arg(long, value_enum, ignore_case = true, default_value = "vault")]
    resource_type: ResourceType,
}

/// Says whether the name is legal and free.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    azure::refuse_flag("--hsm-name", args.resource_type == ResourceType::Hsm)?;
    let request = CheckVaultNameRequest { name: args.name.clone() };
    let answer = context.vaults().await?.check_vault_name(request).await?.into_inner();
    Ok(Reply::value(json!({
        "message": text(&answer.message),
        "nameAvailable": answer.available,
        "reason": text(&answer.reason),
    })))
}
