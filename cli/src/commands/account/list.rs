//! `softkeep account list`.

use crate::{client::Context, commands::Reply, error::Result, shape::account};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Accepted for az's sake: there is one subscription
    #[arg(long, hide = true)]
    all: bool,
    /// Accepted for az's sake: it is asked for every time
    #[arg(long, hide = true)]
    refresh: bool,
}

/// Prints the one subscription.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // Both change nothing here.
    let _ = (args.all, args.refresh);
    let who = super::who(context).await?;
    Ok(Reply::value(vec![account::account_item(&who)].into()).columns(account::ACCOUNT_COLUMNS))
}
