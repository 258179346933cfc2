//! `softkeep key delete`.

use softkeep_proto::v1::DeleteKeyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Soft-deletes the key and prints it with its dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?.whole("deleted")?;
    let request = DeleteKeyRequest { vault: key.vault, name: key.name };
    let deleted = context.keys().await?.delete_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&deleted)).columns(shape::ONE_KEY_COLUMNS))
}
