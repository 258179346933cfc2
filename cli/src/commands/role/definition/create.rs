//! `softkeep role definition create` and `update`.

use softkeep_proto::v1::SetRoleDefinitionRequest;

use super::{find, input, one};
use crate::{
    client::Context,
    commands::{Reply, account},
    error::{Error, Result},
    shape::role,
};
use softkeep_proto::error::ErrorCode;

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The role as JSON, or @FILE: Name, Description, Actions, NotActions, DataActions, NotDataActions, AssignableScopes
    #[arg(long, value_name = "JSON")]
    role_definition: String,
}

/// Makes the role, or changes the one there is, and prints it.
pub async fn run(args: &Args, update: bool, context: &Context) -> Result<Reply> {
    let (value, who) = set(&args.role_definition, update, context).await?;
    Ok(Reply::value(role::definition(&value, &who)).columns(role::DEFINITION_COLUMNS))
}

/// The role that was made or changed, and the subscription.
pub async fn set(text: &str, update: bool, context: &Context) -> Result<(softkeep_proto::v1::RoleDefinition, String)> {
    let mut definition = input::read(text)?;
    let who = account::who(context).await?;
    if update {
        let wanted = if definition.id.is_empty() { &definition.name } else { &definition.id };
        definition.id = one(wanted, context).await?.id;
    } else if !find(&definition.name, false, context).await?.is_empty() {
        return Err(Error::coded(ErrorCode::AlreadyExists, format!("there is a role '{}' already", definition.name))
            .fix("softkeep role definition update changes it"));
    }
    if definition.assignable_scopes.is_empty() {
        definition.assignable_scopes.push(format!("/subscriptions/{}", who.subscription_id));
    }
    let request = SetRoleDefinitionRequest { definition: Some(definition) };
    let set = context.access().await?.set_role_definition(request).await?.into_inner();
    Ok((set, who.subscription_id))
}
