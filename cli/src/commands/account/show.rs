//! `softkeep account show`.

use super::set;
use crate::{client::Context, commands::Reply, error::Result, shape::account};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The subscription's name or id
    #[arg(long, short = 's', visible_alias = "name", short_alias = 'n')]
    subscription: Option<String>,
}

/// Prints the subscription and who the caller is.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let who = super::who(context).await?;
    if let Some(subscription) = &args.subscription {
        set::check(subscription, &who)?;
    }
    Ok(Reply::value(account::account(&who)).columns(account::ONE_ACCOUNT_COLUMNS))
}
