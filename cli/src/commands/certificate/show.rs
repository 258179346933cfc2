//! `softkeep certificate show`.

use softkeep_proto::v1::{Certificate, GetCertificateRequest};

use crate::{
    args::target::{Object, ObjectVersionTarget},
    client::Context,
    commands::Reply,
    error::Result,
    identifier::Collection,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectVersionTarget,
}

/// Prints the certificate.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let certificate = get(args.target.resolve(Collection::Certificates, &context.settings)?, context).await?;
    Ok(Reply::value(shape::certificate(&certificate)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}

/// Asks the daemon for a certificate.
pub async fn get(target: Object, context: &Context) -> Result<Certificate> {
    let request = GetCertificateRequest { vault: target.vault, name: target.name, version: target.version };
    Ok(context.certificates().await?.get_certificate(request).await?.into_inner())
}
