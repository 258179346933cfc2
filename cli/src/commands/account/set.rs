//! `softkeep account set`.

use softkeep_proto::v1::WhoAmIReply;

use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The subscription's name or id
    #[arg(long, short = 's', visible_alias = "name", short_alias = 'n')]
    subscription: String,
}

/// Checks that it is the daemon's. There is nothing to remember.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    check(&args.subscription, &super::who(context).await?)?;
    Ok(Reply::nothing())
}

/// Whether a subscription named is the one there is.
pub fn check(subscription: &str, who: &WhoAmIReply) -> Result<()> {
    if [&who.subscription_id, &who.subscription_name].iter().any(|known| known.eq_ignore_ascii_case(subscription)) {
        return Ok(());
    }
    Err(Error::local(format!("there is no subscription '{subscription}'; this daemon's is {}", who.subscription_id))
        .fix("softkeep account list prints it; each daemon has one"))
}
