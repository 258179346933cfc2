//! `softkeep certificate issuer …`.

mod admin;
mod create;
mod delete;
mod list;
mod show;
mod update;

use clap::Subcommand;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Make an issuer
    Create(create::Args),
    /// Show an issuer
    Show(show::Args),
    /// List a vault's issuers
    List(list::Args),
    /// Change an issuer
    Update(update::Args),
    /// Delete an issuer
    Delete(delete::Args),
    /// The people behind an issuer
    #[command(subcommand)]
    Admin(admin::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Update(args) => update::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::Admin(command) => admin::run(command, context).await,
    }
}

/// Which issuer.
#[derive(clap::Args)]
struct Target {
    #[command(flatten)]
    vault: VaultArg,
    /// The issuer's name
    #[arg(long, value_name = "NAME")]
    issuer_name: String,
}

impl Target {
    /// The vault, and the name.
    fn resolve(&self, context: &Context) -> Result<(String, String)> {
        Ok((context.settings.vault(self.vault.vault_name.as_deref())?, self.issuer_name.clone()))
    }
}

/// How the daemon is known to an issuer.
#[derive(clap::Args)]
struct AccountArgs {
    /// The account; for softkeep-ca, the certificate that signs, by name or full identifier
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// The account's password; also @FILE or - (standard input)
    #[arg(long)]
    password: Option<String>,
    /// The organization
    #[arg(long, value_name = "ID")]
    organization_id: Option<String>,
}
