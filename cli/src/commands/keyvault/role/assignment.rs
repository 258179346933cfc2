//! `softkeep keyvault role assignment …`.

use clap::Subcommand;
use serde_json::Value;
use softkeep_proto::v1::{
    CreateRoleAssignmentRequest, DeleteRoleAssignmentRequest, ListRoleAssignmentsRequest, RoleAssignment,
};

use super::{Place, scope};
use crate::{
    client::Context,
    commands::{
        Reply,
        role::assignment::{AssigneeArgs, find},
    },
    error::{Error, Result},
    shape::role,
};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Give a principal a role in a vault
    Create(CreateArgs),
    /// List who has which role in a vault
    List(ListArgs),
    /// Take roles in a vault away
    Delete(DeleteArgs),
}

/// Flags.
#[derive(clap::Args)]
pub struct CreateArgs {
    /// Role: name or id
    #[arg(long)]
    role: String,
    /// Where in the vault: /, /keys or /keys/NAME
    #[arg(long)]
    scope: String,
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// Accepted for az's sake: the daemon knows it
    #[arg(long, short = 't', hide = true)]
    assignee_principal_type: Option<String>,
    /// The assignment's id, a GUID; made up if absent
    #[arg(long, short = 'n', value_name = "GUID")]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Flags.
#[derive(clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// Role: name or id
    #[arg(long)]
    role: Option<String>,
    /// Only at this scope: /, /keys or /keys/NAME
    #[arg(long)]
    scope: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Flags.
#[derive(clap::Args)]
pub struct DeleteArgs {
    /// Assignments, by identifier or GUID
    #[arg(long, num_args = 1.., value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    assignee: AssigneeArgs,
    /// The assignment's id
    #[arg(long, short = 'n', value_name = "GUID")]
    name: Option<String>,
    /// Role: name or id
    #[arg(long)]
    role: Option<String>,
    /// Only at this scope: /, /keys or /keys/NAME
    #[arg(long)]
    scope: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create(args, context).await,
        Command::List(args) => list(args, context).await,
        Command::Delete(args) => delete(args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<Reply> {
    // The daemon knows what kind a principal is of.
    let _ = args.assignee_principal_type;
    let principal = args
        .assignee
        .principal()
        .ok_or_else(|| Error::usage("no principal is named").fix("--assignee NAME, or --assignee-object-id GUID"))?;
    let vault = args.place.vault(context).await?;
    let request = CreateRoleAssignmentRequest {
        role: args.role,
        principal,
        scope: scope(&vault, &args.scope),
        id: args.name.unwrap_or_default(),
    };
    let made = context.access().await?.create_role_assignment(request).await?.into_inner();
    Ok(Reply::value(role::vault_assignment(&made, &vault.subscription_id)).columns(role::VAULT_ASSIGNMENT_COLUMNS))
}

async fn list(args: ListArgs, context: &Context) -> Result<Reply> {
    let vault = args.place.vault(context).await?;
    let found = in_vault(&vault, args.scope.as_deref(), &args.assignee, args.role, context).await?;
    let items: Vec<Value> = found.iter().map(|one| role::vault_assignment(one, &vault.subscription_id)).collect();
    Ok(Reply::value(items.into()).columns(role::VAULT_ASSIGNMENT_COLUMNS))
}

/// Those at a scope, or in the whole vault where none is named.
async fn in_vault(
    vault: &softkeep_proto::v1::Vault,
    at: Option<&str>,
    assignee: &AssigneeArgs,
    role: Option<String>,
    context: &Context,
) -> Result<Vec<RoleAssignment>> {
    let request = ListRoleAssignmentsRequest {
        scope: scope(vault, at.unwrap_or_default()),
        principal: assignee.principal().unwrap_or_default(),
        role: role.unwrap_or_default(),
        include_inherited: false,
        include_below: at.is_none(),
    };
    find(request, context).await
}

/// Prints what it took away, as az does here.
async fn delete(args: DeleteArgs, context: &Context) -> Result<Reply> {
    let vault = args.place.vault(context).await?;
    let mut ids: Vec<String> = args.ids.into_iter().chain(args.name).collect();
    if ids.is_empty() {
        if args.assignee.principal().is_none() && args.role.is_none() && args.scope.is_none() {
            return Err(Error::usage("nothing says which assignments to delete")
                .fix("--ids or --name, or --assignee, --role and --scope"));
        }
        let found = in_vault(&vault, args.scope.as_deref(), &args.assignee, args.role, context).await?;
        ids = found.into_iter().map(|assignment| assignment.id).collect();
    }
    let mut client = context.access().await?;
    let mut gone: Vec<Value> = Vec::new();
    for id in ids {
        let id = id.rsplit('/').next().unwrap_or_default().to_owned();
        let one = client.delete_role_assignment(DeleteRoleAssignmentRequest { id }).await?.into_inner();
        gone.push(role::vault_assignment(&one, &vault.subscription_id));
    }
    Ok(Reply::value(gone.into()).columns(role::VAULT_ASSIGNMENT_COLUMNS))
}
