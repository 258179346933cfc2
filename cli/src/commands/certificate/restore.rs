//! `softkeep certificate restore`.

use std::path::PathBuf;

use softkeep_proto::v1::RestoreCertificateRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, files, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// File that backup wrote; - is standard input
    #[arg(long, short = 'f')]
    file: PathBuf,
}

/// Restores a certificate with all its versions and prints the current one.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let backup = files::read("--file", &args.file)?.to_vec();
    let request = RestoreCertificateRequest { vault, backup };
    let restored = context.certificates().await?.restore_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&restored)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
