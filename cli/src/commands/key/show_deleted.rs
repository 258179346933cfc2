//! `softkeep key show-deleted`.

use softkeep_proto::v1::GetDeletedKeyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Prints a deleted key with its dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    let request = GetDeletedKeyRequest { vault: key.vault, name: key.name };
    let deleted = context.keys().await?.get_deleted_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&deleted)).columns(shape::ONE_KEY_COLUMNS))
}
