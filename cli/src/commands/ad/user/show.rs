//! `softkeep ad user show`.

use crate::{
    client::Context,
    commands::{
        Reply,
        ad::{IdArg, get},
    },
    error::Result,
    shape::principal,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    user: IdArg,
}

/// Prints the user.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let found = get(&args.user.id, context).await?;
    Ok(Reply::value(principal::user(&found)).columns(principal::USER_COLUMNS))
}
