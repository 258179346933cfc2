//! `softkeep ad sp credential list`.

use serde_json::Value;

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
    principal: IdArg,
    /// The certificates instead of the secrets
    #[arg(long)]
    cert: bool,
}

/// Lists the secrets, or the certificates; never what they are.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let kind = if args.cert { "Certificate" } else { "Password" };
    let found = get(&args.principal.id, context).await?;
    let items: Vec<Value> =
        found.credentials.iter().filter(|one| one.kind == kind).map(principal::credential).collect();
    Ok(Reply::value(items.into()).columns(principal::CREDENTIAL_COLUMNS))
}
