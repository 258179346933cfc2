//! `softkeep key purge`.

use softkeep_proto::v1::PurgeDeletedKeyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Destroys a deleted key for good. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?.whole("purged")?;
    let request = PurgeDeletedKeyRequest { vault: key.vault, name: key.name };
    context.keys().await?.purge_deleted_key(request).await?;
    Ok(Reply::nothing())
}
