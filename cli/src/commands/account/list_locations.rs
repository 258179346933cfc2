//! `softkeep account list-locations`.

use crate::{client::Context, commands::Reply, error::Result, shape::account};

/// Prints the table of places. Their ids have the subscription in them, so the daemon is asked for it.
pub async fn run(context: &Context) -> Result<Reply> {
    let who = super::who(context).await?;
    Ok(Reply::value(account::locations(&who.subscription_id)).columns(account::LOCATION_COLUMNS))
}
