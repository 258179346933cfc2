//! `softkeep role assignment …`.

mod create;
mod delete;
mod list;

use clap::Subcommand;
use softkeep_proto::v1::{ListRoleAssignmentsRequest, RoleAssignment};

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Give a principal a role at a scope
    Create(create::Args),
    /// List who has which role
    List(list::Args),
    /// Take roles away
    Delete(delete::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

/// Whose role it is, or shall be.
#[derive(clap::Args)]
#[group(skip)]
pub struct AssigneeArgs {
    /// Principal: object id, user name, app id, or a name like uid:1000
    #[arg(long, value_name = "PRINCIPAL")]
    assignee: Option<String>,
    /// Principal, by its object id
    #[arg(long, value_name = "GUID", conflicts_with = "assignee")]
    assignee_object_id: Option<String>,
}

impl AssigneeArgs {
    /// The principal, or nothing.
    pub fn principal(&self) -> Option<String> {
        self.assignee.clone().or_else(|| self.assignee_object_id.clone())
    }
}

/// Asks the daemon for assignments: by scope, the widest first, then by role. The daemon's own order is that of random ids.
pub async fn find(request: ListRoleAssignmentsRequest, context: &Context) -> Result<Vec<RoleAssignment>> {
    let mut found = context.access().await?.list_role_assignments(request).await?.into_inner().assignments;
    found.sort_by(|left, right| (&left.scope, &left.role_name).cmp(&(&right.scope, &right.role_name)));
    Ok(found)
}
