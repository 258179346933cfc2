//! `softkeep role assignment delete`.

use softkeep_proto::v1::{DeleteRoleAssignmentRequest, ListRoleAssignmentsRequest};

use super::{AssigneeArgs, find};
use crate::{
    client::Context,
    commands::{Reply, account},
    error::{Error, Result},
    shape::group::group_id,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Assignments, by identifier or GUID
    #[arg(long, num_args = 1.., value_name = "ID",
        conflicts_with_all = ["assignee", "assignee_object_id", "role", "scope", "resource_group"])]
    ids: Vec<String>,
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// Role: name or id
    #[arg(long)]
    role: Option<String>,
    /// At exactly this scope
    #[arg(long)]
    scope: Option<String>,
    /// At exactly this resource group, instead of --scope
    #[arg(long, short = 'g', conflicts_with = "scope")]
    resource_group: Option<String>,
    /// Also those above the scope, which reach it
    #[arg(long)]
    include_inherited: bool,
    /// Accepted for az's sake: it never asks
    #[arg(long, short = 'y', hide = true)]
    yes: bool,
}

/// Takes the roles away. Like az, it prints nothing.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // Something has to be said about what is deleted, which is why nothing is asked.
    let _ = args.yes;
    let ids = if args.ids.is_empty() { matching(&args, context).await? } else { args.ids };
    let mut client = context.access().await?;
    for id in ids {
        let id = id.rsplit('/').next().unwrap_or_default().to_owned();
        client.delete_role_assignment(DeleteRoleAssignmentRequest { id }).await?;
    }
    Ok(Reply::nothing())
}

async fn matching(args: &Args, context: &Context) -> Result<Vec<String>> {
    let (principal, role) = (args.assignee.principal().unwrap_or_default(), args.role.clone().unwrap_or_default());
    let scope = match (&args.scope, &args.resource_group) {
        (Some(scope), _) => scope.clone(),
        (None, Some(group)) => group_id(&account::who(context).await?.subscription_id, group),
        (None, None) => String::new(),
    };
    if principal.is_empty() && role.is_empty() && scope.is_empty() {
        return Err(
            Error::usage("nothing says which assignments to delete").fix("--ids, or --assignee, --role and --scope")
        );
    }
    let request = ListRoleAssignmentsRequest {
        scope,
        principal,
        role,
        include_inherited: args.include_inherited,
        include_below: false,
    };
    Ok(find(request, context).await?.into_iter().map(|assignment| assignment.id).collect())
}
