//! `softkeep group update`.

use softkeep_proto::v1::CreateGroupRequest;

use super::GroupArg;
use crate::{
    args::TagArgs,
    client::Context,
    commands::Reply,
    error::Result,
    generic_update::{Change, UpdateArgs, change_tag},
    shape::group,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    group: GroupArg,
    #[command(flatten)]
    tags: TagArgs,
    #[command(flatten)]
    update: UpdateArgs,
}

/// Changes the tags and prints the group.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let mut found = super::get(&args.group.name, context).await?;
    if args.tags.given() {
        found.tags = args.tags.map()?;
    }
    for change in args.update.changes()? {
        if !change_tag(&mut found.tags, &change)? {
            return Err(Change::refused(&change, "a group's tags, as in tags.name=value"));
        }
    }
    let request = CreateGroupRequest { name: found.name, location: found.location, tags: found.tags };
    let changed = context.vaults().await?.create_group(request).await?.into_inner();
    Ok(Reply::value(group::group(&changed)).columns(group::GROUP_COLUMNS))
}
