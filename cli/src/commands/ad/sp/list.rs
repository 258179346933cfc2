//! `softkeep ad sp list`.

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
    /// Only the one of this app id
    #[arg(long, value_name = "APPID")]
    spn: Option<String>,
    /// Accepted for az's sake: all are listed
    #[arg(long, hide = true)]
    all: bool,
    /// Accepted for az's sake: all are this daemon's
    #[arg(long, hide = true)]
    show_mine: bool,
}

/// Lists the service principals.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // All are listed anyway.
    let _ = (args.all, args.show_mine);
    let begins = |name: &str| {
        args.display_name.as_deref().is_none_or(|start| name.to_lowercase().starts_with(&start.to_lowercase()))
    };
    let is = |id: &str| args.spn.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(id));
    let found = find("ServicePrincipal", "", context).await?;
    let items: Vec<Value> = found
        .iter()
        .filter(|one| begins(&one.display_name) && is(&one.app_id))
        .map(principal::service_principal)
        .collect();
    Ok(Reply::value(items.into()).columns(principal::SERVICE_PRINCIPAL_COLUMNS))
}
