//! `softkeep group exists`.

use softkeep_proto::error::ErrorCode;

use super::GroupArg;
use crate::{client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    group: GroupArg,
}

/// Prints true or false.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    match super::get(&args.group.name, context).await {
        Ok(_) => Ok(Reply::value(true.into())),
        Err(error) if error.code() == Some(ErrorCode::GroupNotFound) => Ok(Reply::value(false.into())),
        Err(error) => Err(error),
    }
}
