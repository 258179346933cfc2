//! `softkeep role definition show`.

use super::one;
use crate::{
    client::Context,
    commands::{Reply, account},
    error::Result,
    shape::role,
};

/// Flags.
#[derive(clap::Args)]
#[group(id = "role", required = true, multiple = false, args = ["name", "role_id"])]
pub struct Args {
    /// Role: name or GUID
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// Role: identifier or GUID
    #[arg(long, visible_alias = "id")]
    role_id: Option<String>,
    /// Accepted for az's sake: there is one subscription
    #[arg(long, hide = true)]
    scope: Option<String>,
}

/// Prints the role.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // Roles are the same everywhere in the one subscription.
    let _ = &args.scope;
    let found = one(args.name.as_deref().or(args.role_id.as_deref()).unwrap_or_default(), context).await?;
    let who = account::who(context).await?;
    Ok(Reply::value(role::definition(&found, &who.subscription_id)).columns(role::DEFINITION_COLUMNS))
}
