//! `softkeep keyvault delete-policy`.

use softkeep_proto::v1::DeleteAccessPolicyRequest;

use super::policy::PolicyTarget;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: PolicyTarget,
}

/// Takes the principal's entry away and prints the vault.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve()?;
    let request = DeleteAccessPolicyRequest {
        vault: target.vault,
        principal: target.principal,
        application_id: target.application_id,
    };
    let vault = context.vaults().await?.delete_access_policy(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
