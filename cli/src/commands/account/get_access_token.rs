//! `softkeep account get-access-token`.

use serde_json::json;

use super::set;
use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
    time,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Accepted for az's sake: a daemon is one resource
    #[arg(long, hide = true)]
    resource: Option<String>,
    /// Accepted for az's sake
    #[arg(long, hide = true)]
    resource_type: Option<String>,
    /// Accepted for az's sake
    #[arg(long, hide = true, num_args = 1..)]
    scope: Vec<String>,
    /// Accepted for az's sake: there is one tenant
    #[arg(long, short = 't', hide = true)]
    tenant: Option<String>,
    /// The subscription's name or id
    #[arg(long, short = 's', visible_alias = "name", short_alias = 'n')]
    subscription: Option<String>,
}

/// Prints the access token, refreshed if it was about to end.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // None of them changes anything here.
    let _ = (&args.resource, &args.resource_type, &args.scope, &args.tenant);
    let session = context
        .session()
        .await?
        .ok_or_else(|| Error::local("nobody is signed in, so there is no access token").fix("softkeep login"))?;
    let who = super::who(context).await?;
    if let Some(subscription) = &args.subscription {
        set::check(subscription, &who)?;
    }
    Ok(Reply::value(json!({
        "accessToken": session.access_token,
        "expiresOn": time::print_plain(session.expires),
        "expires_on": session.expires,
        "subscription": who.subscription_id,
        "tenant": who.tenant_id,
        "tokenType": "Bearer",
    })))
}
