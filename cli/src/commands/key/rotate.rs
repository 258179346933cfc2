//! `softkeep key rotate`.

use softkeep_proto::v1::RotateKeyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Makes a new version of the same kind and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    let request = RotateKeyRequest { vault: key.vault, name: key.name, request_id: String::new() };
    let made = context.keys().await?.rotate_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&made)).columns(shape::ONE_KEY_COLUMNS))
}
