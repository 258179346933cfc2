//! `softkeep certificate issuer show`.

use softkeep_proto::v1::GetIssuerRequest;

use super::Target;
use crate::{client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Prints the issuer.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let (vault, name) = args.target.resolve(context)?;
    let issuer = context.certificates().await?.get_issuer(GetIssuerRequest { vault, name }).await?.into_inner();
    Ok(Reply::value(shape::issuer(&issuer)).columns(shape::ONE_ISSUER_COLUMNS))
}
