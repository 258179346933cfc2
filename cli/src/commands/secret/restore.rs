//! `softkeep secret restore`.

use std::path::PathBuf;

use softkeep_proto::v1::RestoreSecretRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, files, shape::secret as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// File that backup wrote; - is standard input
    #[arg(long, short = 'f')]
    file: PathBuf,
}

/// Restores a secret with all its versions and prints the current one, without its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let backup = files::read("--file", &args.file)?.to_vec();
    let restored = context.secrets().await?.restore_secret(RestoreSecretRequest { vault, backup }).await?.into_inner();
    Ok(Reply::value(shape::secret_without_value(&restored)).columns(shape::ONE_SECRET_COLUMNS))
}
