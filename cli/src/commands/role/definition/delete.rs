//! `softkeep role definition delete`.

use softkeep_proto::v1::DeleteRoleDefinitionRequest;

use crate::{client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
#[group(id = "role", required = true, multiple = false, args = ["name", "role_id"])]
pub struct Args {
    /// Role: name or GUID
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// Role: identifier or GUID
    #[arg(long, visible_alias = "id")]
    role_id: Option<String>,
    /// Accepted for az's sake: there is one subscription
    #[arg(long, hide = true)]
    scope: Option<String>,
    /// Accepted for az's sake: there is one subscription
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// Accepted for az's sake: built-in roles are refused anyway
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    custom_role_only: Option<String>,
}

/// Deletes the role. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // None of them narrows a name that is unique.
    let _ = (&args.scope, &args.resource_group, &args.custom_role_only);
    let role = args.name.as_deref().or(args.role_id.as_deref()).unwrap_or_default();
    let role = role.rsplit('/').next().unwrap_or_default().to_owned();
    context.access().await?.delete_role_definition(DeleteRoleDefinitionRequest { role }).await?;
    Ok(Reply::nothing())
}
