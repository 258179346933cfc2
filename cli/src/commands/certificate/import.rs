//! `softkeep certificate import`: the file travels as it is, and its password with it.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use softkeep_proto::{
    error::ErrorCode,
    v1::{CertificateAttributes, ImportCertificateRequest},
};

use super::policy;
use crate::{
    args::{TagArgs, VaultArg, attributes::DisabledArg},
    client::Context,
    commands::Reply,
    error::{Error, Result},
    files, secret,
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
    /// PFX, or PEM with the certificate, its issuers and its private key; - is standard input
    #[arg(long, short = 'f')]
    file: PathBuf,
    /// The file's password; also @FILE or - (standard input). Asked for on the terminal if it is needed and absent
    #[arg(long)]
    password: Option<String>,
    /// The policy for versions to come: JSON, @FILE or a file's name; what the certificate says if absent
    #[arg(long, short = 'p', value_name = "POLICY")]
    policy: Option<String>,
    #[command(flatten)]
    disabled: DisabledArg,
    #[command(flatten)]
    tags: TagArgs,
}

/// Imports the certificate and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let password = args.password.as_deref().map(|given| secret::from_flag("--password", given)).transpose()?;
    let request = ImportCertificateRequest {
        vault: context.settings.vault(args.vault.vault_name.as_deref())?,
        name: args.name.clone(),
        value: files::read("--file", &args.file)?.to_vec(),
        password: password.map(|password| password.to_string()).unwrap_or_default(),
        policy: args.policy.as_deref().map(|given| policy::read("--policy", given)).transpose()?,
        attributes: Some(CertificateAttributes { enabled: args.disabled.enabled(), tags: args.tags.map()? }),
        request_id: String::new(),
    };
    let mut client = context.certificates().await?;
    let mut answer = client.import_certificate(request.clone()).await.map_err(Error::from);
    let asks = args.password.is_none() && io::stdin().is_terminal();
    if asks && answer.as_ref().is_err_and(|error| error.code() == Some(ErrorCode::PasswordIncorrect)) {
        let password = secret::prompt("the file's password", "--password", false)?.to_string();
        answer = client.import_certificate(ImportCertificateRequest { password, ..request }).await.map_err(Error::from);
    }
    let made = answer?.into_inner();
    Ok(Reply::value(shape::certificate(&made)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
