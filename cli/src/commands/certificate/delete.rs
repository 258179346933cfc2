//! `softkeep certificate delete`.

use softkeep_proto::v1::DeleteCertificateRequest;

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

/// Soft-deletes the certificate with its key and secret and prints it with its dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?.whole("deleted")?;
    let request = DeleteCertificateRequest { vault: target.vault, name: target.name };
    let deleted = context.certificates().await?.delete_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&deleted)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
