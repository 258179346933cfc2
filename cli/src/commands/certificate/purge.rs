//! `softkeep certificate purge`.

use softkeep_proto::v1::PurgeDeletedCertificateRequest;

use crate::{args::target::ObjectTarget, client::Context, commands::Reply, error::Result, identifier::Collection};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
}

/// Destroys a deleted certificate for good. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?.whole("purged")?;
    let request = PurgeDeletedCertificateRequest { vault: target.vault, name: target.name };
    context.certificates().await?.purge_deleted_certificate(request).await?;
    Ok(Reply::nothing())
}
