//! `softkeep ad user list`.

use serde_json::Value;

use crate::{
    client::Context,
    commands::{Reply, ad::find},
    error::Result,
    shape::principal,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only those whose display name begins so
    #[arg(long)]
    display_name: Option<String>,
    /// Only the user of this name
    #[arg(long)]
    upn: Option<String>,
}

/// Lists the users.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let begins = |name: &str| {
        args.display_name.as_deref().is_none_or(|start| name.to_lowercase().starts_with(&start.to_lowercase()))
    };
    let is = |name: &str| args.upn.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
    let found = find("User", "", context).await?;
    let items: Vec<Value> =
        found.iter().filter(|user| begins(&user.display_name) && is(&user.name)).map(principal::user).collect();
    Ok(Reply::value(items.into()).columns(principal::USER_COLUMNS))
}
