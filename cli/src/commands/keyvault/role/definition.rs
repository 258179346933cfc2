//! `softkeep keyvault role definition …`: the same roles as everywhere; the vault only says which daemon's.

use clap::Subcommand;

use crate::{
    client::Context,
    commands::{Reply, keyvault::show, role::definition},
    error::Result,
};

/// The verbs of `role definition`, with a vault. No group: the inner one has its name.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args<T: clap::Args> {
    #[command(flatten)]
    inner: T,
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(id = "role_vault", long = "hsm-name", visible_alias = "vault-name", value_name = "VAULT")]
    vault: Option<String>,
}

impl<T: clap::Args> Args<T> {
    /// The inner flags, once it is clear that the vault is there.
    async fn checked(self, context: &Context) -> Result<T> {
        show::get(context.settings.vault(self.vault.as_deref())?, context).await?;
        Ok(self.inner)
    }
}

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// List the roles
    List(Args<definition::list::Args>),
    /// Show a role
    Show(Args<definition::show::Args>),
    /// Make a role of your own
    Create(Args<definition::create::Args>),
    /// Change a role of your own
    Update(Args<definition::create::Args>),
    /// Delete a role of your own
    Delete(Args<definition::delete::Args>),
}

/// Runs one verb. az lists roles without naming a pool, too.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::List(args) => definition::list::run(args.inner, context).await,
        Command::Show(args) => definition::show::run(&args.checked(context).await?, context).await,
        Command::Create(args) => definition::create::run(&args.checked(context).await?, false, context).await,
        Command::Update(args) => definition::create::run(&args.checked(context).await?, true, context).await,
        Command::Delete(args) => definition::delete::run(&args.checked(context).await?, context).await,
    }
}
