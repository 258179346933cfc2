//! `softkeep certificate backup`: the daemon's sealed bytes, as they are.

use std::path::PathBuf;

use softkeep_proto::v1::BackupCertificateRequest;

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

/// Writes the certificate with all its versions to a file. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?;
    files::must_be_new("--file", &args.file)?;
    let request = BackupCertificateRequest { vault: target.vault, name: target.name };
    let reply = context.certificates().await?.backup_certificate(request).await?.into_inner();
    files::write_new("--file", &args.file, &reply.backup, Readers::Owner)?;
    Ok(Reply::nothing())
}
