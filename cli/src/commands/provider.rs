//! `softkeep provider …`: the one resource provider, which is always registered.

use clap::Subcommand;
use serde_json::Value;

use super::{Reply, account};
use crate::{azure, client::Context, error::Result, shape::account as shape};

/// The verbs of resource providers.
#[derive(Subcommand)]
pub enum Command {
    /// Register a provider: Microsoft.KeyVault always is
    Register(Args),
    /// List the providers: Microsoft.KeyVault
    List,
    /// Show a provider
    Show(Args),
}

/// Flags of `register` and `show`.
#[derive(clap::Args)]
pub struct Args {
    /// Provider: Microsoft.KeyVault
    #[arg(long, short = 'n')]
    namespace: String,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    wait: bool,
    /// Accepted for az's sake
    #[arg(long, hide = true)]
    consent_to_permissions: bool,
    /// Accepted for az's sake
    #[arg(long, short = 'm', hide = true)]
    management_group_id: Option<String>,
    /// Accepted for az's sake
    #[arg(long, hide = true)]
    expand: Option<String>,
}

impl Args {
    /// Any other provider is Azure's.
    fn check(&self) -> Result<()> {
        let _ = (self.wait, self.consent_to_permissions, &self.management_group_id, &self.expand);
        azure::refuse_flag("--namespace", !self.namespace.eq_ignore_ascii_case(shape::KEY_VAULT))
    }
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    let one = async || -> Result<Value> { Ok(shape::provider(&account::who(context).await?.subscription_id)) };
    match command {
        Command::Register(args) => args.check().map(|()| Reply::nothing()),
        Command::List => Ok(Reply::value(vec![one().await?].into()).columns(shape::PROVIDER_COLUMNS)),
        Command::Show(args) => {
            args.check()?;
            Ok(Reply::value(one().await?).columns(shape::PROVIDER_COLUMNS))
        }
    }
}
