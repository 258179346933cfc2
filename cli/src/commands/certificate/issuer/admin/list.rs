//! `softkeep certificate issuer admin list`.

use super::Target;
use crate::{client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Lists the issuer's administrators.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let admins = super::get(&args.target, context).await?;
    Ok(Reply::value(admins.iter().map(shape::admin).collect()))
}
