//! `softkeep secret backup`: the daemon's sealed bytes, as they are.

use std::path::PathBuf;

use softkeep_proto::v1::BackupSecretRequest;

use crate::{
    args::target::ObjectTarget,
    client::Context,
    commands::Reply,
    error::Result,
    files::{self, Readers},
    identifier::Collection,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
    /// File to write, which must not exist
    #[arg(long, short = 'f')]
    file: PathBuf,
}

/// Writes the secret with all its versions to a file. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?;
    files::must_be_new("--file", &args.file)?;
    let request = BackupSecretRequest { vault: secret.vault, name: secret.name };
    let reply = context.secrets().await?.backup_secret(request).await?.into_inner();
    files::write_new("--file", &args.file, &reply.backup, Readers::Owner)?;
    Ok(Reply::nothing())
}
