//! `softkeep certificate recover`.

use softkeep_proto::v1::RecoverDeletedCertificateRequest;

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

/// Brings the certificate back with all its versions and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?.whole("recovered")?;
    let request = RecoverDeletedCertificateRequest { vault: target.vault, name: target.name };
    let recovered = context.certificates().await?.recover_deleted_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&recovered)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
