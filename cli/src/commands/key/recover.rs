//! `softkeep key recover`.

use softkeep_proto::v1::RecoverDeletedKeyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Brings the key back with all its versions and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?.whole("recovered")?;
    let request = RecoverDeletedKeyRequest { vault: key.vault, name: key.name };
    let recovered = context.keys().await?.recover_deleted_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&recovered)).columns(shape::ONE_KEY_COLUMNS))
}
