//! `softkeep group create`.

use softkeep_proto::v1::CreateGroupRequest;

use super::GroupArg;
use crate::{args::TagArgs, client::Context, commands::Reply, error::Result, shape::group};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    group: GroupArg,
    /// Location, e.g. eastasia or "East Asia"
    #[arg(long, short = 'l')]
    location: String,
    /// Accepted for az's sake
    #[arg(long, hide = true)]
    managed_by: Option<String>,
    #[command(flatten)]
    tags: TagArgs,
}

/// Makes the group, or changes the tags of the one there is, and prints it.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // Nothing manages a group here.
    let _ = args.managed_by;
    let request = CreateGroupRequest { name: args.group.name, location: args.location, tags: args.tags.map()? };
    let made = context.vaults().await?.create_group(request).await?.into_inner();
    Ok(Reply::value(group::group(&made)).columns(group::GROUP_COLUMNS))
}
