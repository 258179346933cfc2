//! `softkeep group …`.

mod create;
mod delete;
mod exists;
mod list;
mod show;
mod update;

use clap::Subcommand;
use softkeep_proto::v1::{GetGroupRequest, Group};

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs of resource groups.
#[derive(Subcommand)]
pub enum Command {
    /// Make a group
    Create(create::Args),
    /// List the groups
    List(list::Args),
    /// Show a group
    Show(show::Args),
    /// Delete a group and, recoverably, its vaults
    Delete(delete::Args),
    /// Say whether a group is there
    Exists(exists::Args),
    /// Change a group's tags
    Update(update::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::Exists(args) => exists::run(&args, context).await,
        Command::Update(args) => update::run(args, context).await,
    }
}

/// `--name`, which az also calls `--resource-group` here.
#[derive(clap::Args)]
pub struct GroupArg {
    /// Group
    #[arg(long, short = 'n', visible_alias = "resource-group", visible_short_alias = 'g')]
    name: String,
}

async fn get(name: &str, context: &Context) -> Result<Group> {
    let request = GetGroupRequest { name: name.to_owned() };
    Ok(context.vaults().await?.get_group(request).await?.into_inner())
}
