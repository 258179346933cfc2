//! `softkeep certificate issuer create`.

use softkeep_proto::v1::{Issuer, SetIssuerRequest};

use super::{AccountArgs, Target};
use crate::{
    args::attributes::DisabledArg, client::Context, commands::Reply, error::Result, secret, shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Who issues: softkeep-ca is this daemon, with the certificate that --account-id names
    #[arg(long, value_name = "PROVIDER")]
    provider_name: String,
    #[command(flatten)]
    disabled: DisabledArg,
    #[command(flatten)]
    account: AccountArgs,
}

/// Makes the issuer and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let (vault, name) = args.target.resolve(context)?;
    let password = args.account.password.as_deref().map(|given| secret::from_flag("--password", given)).transpose()?;
    let issuer = Issuer {
        vault,
        name,
        provider: args.provider_name.clone(),
        account_id: args.account.account_id.clone().unwrap_or_default(),
        organization_id: args.account.organization_id.clone().unwrap_or_default(),
        enabled: args.disabled.enabled().unwrap_or(true),
        ..Issuer::default()
    };
    let password = password.map(|password| password.to_string()).unwrap_or_default();
    let request = SetIssuerRequest { issuer: Some(issuer), password, update_mask: None };
    let made = context.certificates().await?.set_issuer(request).await?.into_inner();
    Ok(Reply::value(shape::issuer(&made)).columns(shape::ONE_ISSUER_COLUMNS))
}
