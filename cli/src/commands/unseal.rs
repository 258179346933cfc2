//! `softkeep unseal`.

use std::path::PathBuf;

use softkeep_proto::v1::UnsealRequest;

use super::Reply;
use crate::{client::Context, error::Result, secret, shape};

/// Flags. A passphrase is never taken from the command line.
#[derive(clap::Args)]
pub struct Args {
    /// A file with the passphrase; - is standard input. Asked for on the terminal if absent
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Unseals the daemon and prints its status.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let passphrase = match &args.passphrase_file {
        Some(path) => secret::from_file("--passphrase-file", path)?,
        None => secret::prompt("passphrase", "--passphrase-file", false)?,
    };
    let request = UnsealRequest { passphrase: passphrase.to_string() };
    let status = context.system().await?.unseal(request).await?.into_inner();
    Ok(Reply::value(shape::status(&status, &context.settings.endpoint.to_string())))
}
