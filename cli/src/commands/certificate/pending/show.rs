//! `softkeep certificate pending show`.

use softkeep_proto::v1::GetCertificateOperationRequest;

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

/// Prints how far the certificate is.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let request = GetCertificateOperationRequest { vault, name: args.name.clone() };
    let operation = context.certificates().await?.get_certificate_operation(request).await?.into_inner();
    Ok(Reply::value(shape::operation(&operation)).columns(shape::OPERATION_COLUMNS))
}
