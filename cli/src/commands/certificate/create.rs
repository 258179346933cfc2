//! `softkeep certificate create`.

use softkeep_proto::v1::{CertificateAttributes, CreateCertificateRequest};

use super::policy;
use crate::{
    args::{TagArgs, VaultArg, attributes::DisabledArg},
    client::Context,
    commands::Reply,
    error::Result,
    shape::certificate as shape,
};

/// Key Vault's, where neither the policy nor a flag says.
const DEFAULT_VALIDITY_MONTHS: u32 = 12;

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Name
    #[arg(long, short = 'n')]
    name: String,
    /// The policy: JSON as get-default-policy prints it, @FILE, a file's name, or - (standard input)
    #[arg(long, short = 'p', value_name = "POLICY")]
    policy: String,
    /// How many months it is valid, instead of what the policy says
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u32).range(1..))]
    validity: Option<u32>,
    #[command(flatten)]
    disabled: DisabledArg,
    #[command(flatten)]
    tags: TagArgs,
}

/// Begins the certificate and prints how far it is: completed, unless somebody else has to issue it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let mut policy = policy::read("--policy", &args.policy)?;
    match args.validity {
        Some(months) => policy.validity_months = months,
        None if policy.validity_months == 0 => policy.validity_months = DEFAULT_VALIDITY_MONTHS,
        None => {}
    }
    let attributes = CertificateAttributes { enabled: args.disabled.enabled(), tags: args.tags.map()? };
    let request = CreateCertificateRequest {
        vault,
        name: args.name.clone(),
        policy: Some(policy),
        attributes: Some(attributes),
        request_id: String::new(),
    };
    let operation = context.certificates().await?.create_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::operation(&operation)).columns(shape::OPERATION_COLUMNS))
}
