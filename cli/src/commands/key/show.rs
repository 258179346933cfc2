//! `softkeep key show`.

use softkeep_proto::v1::{GetKeyRequest, Key, KeyRef};

use crate::{args::VersionTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
}

/// Prints the key.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = get(args.target.resolve(&context.settings)?, context).await?;
    Ok(Reply::value(shape::key(&key)).columns(shape::ONE_KEY_COLUMNS))
}

/// Asks the daemon for a key.
pub async fn get(key: KeyRef, context: &Context) -> Result<Key> {
    let request = GetKeyRequest { vault: key.vault, name: key.name, version: key.version };
    Ok(context.keys().await?.get_key(request).await?.into_inner())
}
