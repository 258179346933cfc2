//! `softkeep certificate issuer delete`.

use softkeep_proto::v1::DeleteIssuerRequest;

use super::Target;
use crate::{client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Deletes the issuer and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let (vault, name) = args.target.resolve(context)?;
    let issuer = context.certificates().await?.delete_issuer(DeleteIssuerRequest { vault, name }).await?.into_inner();
    Ok(Reply::value(shape::issuer(&issuer)).columns(shape::ONE_ISSUER_COLUMNS))
}
