//! `softkeep key backup`: the daemon's sealed bytes, as they are.

use std::path::PathBuf;

use softkeep_proto::v1::BackupKeyRequest;

use crate::{
    args::KeyTarget,
    client::Context,
    commands::Reply,
    error::Result,
    files::{self, Readers},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    /// File to write, which must not exist
    #[arg(long, short = 'f')]
    file: PathBuf,
}

/// Writes the key with all its versions to a file. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    files::must_be_new("--file", &args.file)?;
    let request = BackupKeyRequest { vault: key.vault, name: key.name };
    let reply = context.keys().await?.backup_key(request).await?.into_inner();
    files::write_new("--file", &args.file, &reply.backup, Readers::Owner)?;
    Ok(Reply::nothing())
}
