//! `softkeep keyvault set-policy`.

use softkeep_proto::v1::{PermissionList, SetAccessPolicyRequest};

use super::policy::PolicyTarget;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: PolicyTarget,
    /// What it may do with keys, e.g. get sign; nothing after the flag takes all away
    #[arg(long, num_args = 0.., value_name = "NAME")]
    key_permissions: Option<Vec<String>>,
    /// What it may do with secrets
    #[arg(long, num_args = 0.., value_name = "NAME")]
    secret_permissions: Option<Vec<String>>,
    /// What it may do with certificates
    #[arg(long, num_args = 0.., value_name = "NAME")]
    certificate_permissions: Option<Vec<String>>,
    /// Kept; there is no managed storage
    #[arg(long, num_args = 0.., value_name = "NAME")]
    storage_permissions: Option<Vec<String>>,
}

/// Changes the principal's entry and prints the vault. Lists that are not given stay.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve()?;
    let request = SetAccessPolicyRequest {
        vault: target.vault,
        principal: target.principal,
        application_id: target.application_id,
        keys: list(args.key_permissions),
        secrets: list(args.secret_permissions),
        certificates: list(args.certificate_permissions),
        storage: list(args.storage_permissions),
    };
    let vault = context.vaults().await?.set_access_policy(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}

/// An empty word stands for no permission, as in az.
fn list(names: Option<Vec<String>>) -> Option<PermissionList> {
    names.map(|names| PermissionList { names: names.into_iter().filter(|name| !name.is_empty()).collect() })
}
