//! `softkeep role assignment list`.

use serde_json::Value;
use softkeep_proto::v1::ListRoleAssignmentsRequest;

use super::{AssigneeArgs, find};
use crate::{
    client::Context,
    commands::{Reply, account},
    error::Result,
    shape::{group::group_id, role},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// Role: name or id
    #[arg(long)]
    role: Option<String>,
    /// At this scope; the subscription if absent
    #[arg(long)]
    scope: Option<String>,
    /// At this resource group, instead of --scope
    #[arg(long, short = 'g', conflicts_with = "scope")]
    resource_group: Option<String>,
    /// Everywhere below the subscription too
    #[arg(long, conflicts_with_all = ["scope", "resource_group"])]
    all: bool,
    /// Also those above the scope, which reach it
    #[arg(long)]
    include_inherited: bool,
    /// Accepted for az's sake: there are no groups of principals
    #[arg(long, hide = true)]
    include_groups: bool,
    /// Accepted for az's sake
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    fill_principal_name: Option<String>,
    /// Accepted for az's sake
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    fill_role_definition_name: Option<String>,
}

/// Lists the assignments.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // Names are always filled in, and nobody is in a group.
    let _ = (args.include_groups, args.fill_principal_name, args.fill_role_definition_name);
    let who = account::who(context).await?;
    let scope = match (args.scope, args.resource_group) {
        (Some(scope), _) => scope,
        (None, Some(group)) => group_id(&who.subscription_id, &group),
        (None, None) => format!("/subscriptions/{}", who.subscription_id),
    };
    let request = ListRoleAssignmentsRequest {
        scope,
        principal: args.assignee.principal().unwrap_or_default(),
        role: args.role.unwrap_or_default(),
        include_inherited: args.include_inherited,
        include_below: args.all,
    };
    let found = find(request, context).await?;
    let items: Vec<Value> = found.iter().map(|one| role::assignment(one, &who.subscription_id, true)).collect();
    Ok(Reply::value(items.into()).columns(role::ASSIGNMENT_COLUMNS))
}
