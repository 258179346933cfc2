//! `softkeep group show`.

use super::GroupArg;
use crate::{client::Context, commands::Reply, error::Result, shape::group};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    group: GroupArg,
}

/// Prints the group.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let found = super::get(&args.group.name, context).await?;
    Ok(Reply::value(group::group(&found)).columns(group::GROUP_COLUMNS))
}
