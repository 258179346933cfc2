//! `softkeep certificate issuer update`.

use softkeep_proto::v1::{Issuer, SetIssuerRequest};

use super::{AccountArgs, Target};
use crate::{
    args::attributes::{EnabledArg, mask},
    client::Context,
    commands::Reply,
    error::Result,
    secret,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Who issues
    #[arg(long, value_name = "PROVIDER")]
    provider_name: Option<String>,
    #[command(flatten)]
    enabled: EnabledArg,
    #[command(flatten)]
    account: AccountArgs,
}

/// Changes what was given and prints the issuer.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let (vault, name) = args.target.resolve(context)?;
    let account = &args.account;
    let given = [
        ("provider", args.provider_name.is_some()),
        ("account_id", account.account_id.is_some()),
        ("organization_id", account.organization_id.is_some()),
        ("enabled", args.enabled.enabled.is_some()),
        ("password", account.password.is_some()),
    ];
    let update_mask = mask(given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned()).collect())?;
    let password = account.password.as_deref().map(|given| secret::from_flag("--password", given)).transpose()?;
    let issuer = Issuer {
        vault,
        name,
        provider: args.provider_name.clone().unwrap_or_default(),
        account_id: account.account_id.clone().unwrap_or_default(),
        organization_id: account.organization_id.clone().unwrap_or_default(),
        enabled: args.enabled.enabled.unwrap_or_default(),
        ..Issuer::default()
    };
    let password = password.map(|password| password.to_string()).unwrap_or_default();
    let request = SetIssuerRequest { issuer: Some(issuer), password, update_mask };
    let changed = context.certificates().await?.set_issuer(request).await?.into_inner();
    Ok(Reply::value(shape::issuer(&changed)).columns(shape::ONE_ISSUER_COLUMNS))
}
