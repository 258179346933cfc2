//! `softkeep certificate pending merge`.

use std::path::PathBuf;

use softkeep_proto::v1::{CertificateAttributes, MergeCertificateRequest};

use crate::{
    args::{TagArgs, VaultArg, attributes::DisabledArg},
    client::Context,
    commands::{Reply, certificate::chain},
    error::Result,
    files,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Name
    #[arg(long, short = 'n')]
    name: String,
    /// The certificate, then its issuers, in PEM; or the certificate alone in DER; - is standard input
    #[arg(long, short = 'f')]
    file: PathBuf,
    #[command(flatten)]
    disabled: DisabledArg,
    #[command(flatten)]
    tags: TagArgs,
}

/// Completes the certificate and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = MergeCertificateRequest {
        vault: context.settings.vault(args.vault.vault_name.as_deref())?,
        name: args.name.clone(),
        certificates: chain::read("--file", &files::read("--file", &args.file)?)?,
        attributes: Some(CertificateAttributes { enabled: args.disabled.enabled(), tags: args.tags.map()? }),
    };
    let made = context.certificates().await?.merge_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&made)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
