//! `softkeep certificate show-deleted`.

use softkeep_proto::v1::GetDeletedCertificateRequest;

use crate::{
    args::target::ObjectTarget, client::Context, commands::Reply, error::Result, identifier::Collection,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
}

/// Prints a deleted certificate with its dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?;
    let request = GetDeletedCertificateRequest { vault: target.vault, name: target.name };
    let deleted = context.certificates().await?.get_deleted_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&deleted)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
