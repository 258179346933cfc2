//! `softkeep role definition …`.

pub mod create;
pub mod delete;
pub mod input;
pub mod list;
pub mod show;

use clap::Subcommand;
use softkeep_proto::v1::{ListRoleDefinitionsRequest, RoleDefinition};

use super::Reply;
use crate::{
    client::Context,
    error::{Error, Result},
};
use softkeep_proto::error::ErrorCode;

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// List the roles
    List(list::Args),
    /// Show a role
    Show(show::Args),
    /// Make a role of your own
    Create(create::Args),
    /// Change a role of your own
    Update(create::Args),
    /// Delete a role of your own
    Delete(delete::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::Create(args) => create::run(&args, false, context).await,
        Command::Update(args) => create::run(&args, true, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
    }
}

/// Asks the daemon for all roles, or those of one name.
pub async fn find(name: &str, custom_only: bool, context: &Context) -> Result<Vec<RoleDefinition>> {
    let request = ListRoleDefinitionsRequest { name: name.to_owned(), custom_only };
    Ok(context.access().await?.list_role_definitions(request).await?.into_inner().definitions)
}

/// The role of a name, a GUID, or a whole identifier.
pub async fn one(role: &str, context: &Context) -> Result<RoleDefinition> {
    let wanted = role.rsplit('/').next().unwrap_or_default();
    let same = |definition: &RoleDefinition| {
        definition.id.eq_ignore_ascii_case(wanted) || definition.name.eq_ignore_ascii_case(role)
    };
    let mut all = find("", false, context).await?.into_iter();
    all.find(same).ok_or_else(|| Error::coded(ErrorCode::RoleNotFound, format!("there is no role '{role}'")))
}
