//! `softkeep secret purge`.

use softkeep_proto::v1::PurgeDeletedSecretRequest;

use crate::{args::target::ObjectTarget, client::Context, commands::Reply, error::Result, identifier::Collection};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
}

/// Destroys a deleted secret for good. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?.whole("purged")?;
    let request = PurgeDeletedSecretRequest { vault: secret.vault, name: secret.name };
    context.secrets().await?.purge_deleted_secret(request).await?;
    Ok(Reply::nothing())
}
