//! `softkeep role assignment create`.

use softkeep_proto::v1::CreateRoleAssignmentRequest;

use super::AssigneeArgs;
use crate::{
    client::Context,
    commands::{Reply, account},
    error::{Error, Result},
    shape::role,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Role: name or id
    #[arg(long)]
    role: String,
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// Accepted for az's sake: the daemon knows it
    #[arg(long, short = 't', hide = true)]
    assignee_principal_type: Option<String>,
    /// Where: /subscriptions/S, with /resourceGroups/G, a vault, a key or a secret after it
    #[arg(long)]
    scope: Option<String>,
    /// Only in this resource group, instead of --scope
    #[arg(long, short = 'g', conflicts_with = "scope")]
    resource_group: Option<String>,
    /// The assignment's id, a GUID; made up if absent
    #[arg(long, short = 'n', value_name = "GUID")]
    name: Option<String>,
    /// Accepted for az's sake: nobody reads it
    #[arg(long, hide = true)]
    description: Option<String>,
}

/// Gives the role and prints the assignment.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // The daemon knows what kind a principal is of.
    let _ = (args.assignee_principal_type, args.description);
    let principal = args
        .assignee
        .principal()
        .ok_or_else(|| Error::usage("no principal is named").fix("--assignee NAME, or --assignee-object-id GUID"))?;
    let who = account::who(context).await?;
    let scope = match (args.scope, args.resource_group) {
        (Some(scope), _) => scope,
        (None, Some(group)) => crate::shape::group::group_id(&who.subscription_id, &group),
        (None, None) => {
            return Err(
                Error::usage("no scope is given").fix(format!("--scope /subscriptions/{}", who.subscription_id))
            );
        }
    };
    let request = CreateRoleAssignmentRequest { role: args.role, principal, scope, id: args.name.unwrap_or_default() };
    let made = context.access().await?.create_role_assignment(request).await?.into_inner();
    Ok(Reply::value(role::assignment(&made, &who.subscription_id, false)).columns(role::ASSIGNMENT_COLUMNS))
}
