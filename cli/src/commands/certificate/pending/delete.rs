//! `softkeep certificate pending delete`.

use softkeep_proto::v1::DeleteCertificateOperationRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Name
    #[arg(long, short = 'n')]
    name: String,
}

/// Gives the certificate up and prints how far it was.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let request = DeleteCertificateOperationRequest { vault, name: args.name.clone() };
    let operation = context.certificates().await?.delete_certificate_operation(request).await?.into_inner();
    Ok(Reply::value(shape::operation(&operation)).columns(shape::OPERATION_COLUMNS))
}
