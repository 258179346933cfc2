//! `softkeep ad sp show`.

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
}

/// Prints the service principal.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let found = get(&args.principal.id, context).await?;
    Ok(Reply::value(principal::service_principal(&found)).columns(principal::SERVICE_PRINCIPAL_COLUMNS))
}
