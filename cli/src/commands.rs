//! The verbs, one file each; and what a verb answers.

#[cfg(test)]
mod tests;

pub mod account;
pub mod ad;
pub mod audit;
pub mod byok;
pub mod certificate;
pub mod completion;
pub mod dev;
pub mod doctor;
pub mod env;
pub mod group;
pub mod key;
pub mod keyvault;
pub mod login;
pub mod logout;
pub mod migrate;
pub mod policy;
pub mod provider;
pub mod role;
pub mod run;
pub mod sandbox;
pub mod seal;
pub mod secret;
pub mod status;
pub mod token;
pub mod unseal;

use clap::Subcommand;
use serde_json::Value;

use crate::{
    client::Context,
    error::{Error, Result},
    output::Columns,
};

/// What a verb answers.
#[derive(Debug, Default)]
pub struct Reply {
    /// For stdout.
    pub value: Option<Value>,
    /// For `-o table`.
    pub columns: Columns,
    /// An error to report after the value was printed.
    pub then: Option<Error>,
    /// The exit code without one.
    pub exit: u8,
}

impl Reply {
    /// Nothing to print.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A value to print.
    pub fn value(value: Value) -> Self {
        Self { value: Some(value), ..Self::default() }
    }

    /// With the columns of its table.
    #[must_use]
    pub fn columns(mut self, columns: Columns) -> Self {
        self.columns = columns;
        self
    }

    /// Another program's exit code.
    pub fn exit(exit: u8) -> Self {
        Self { exit, ..Self::default() }
    }
}

/// Every noun and verb.
#[derive(Subcommand)]
pub enum Command {
    /// Sign in
    Login(login::Args),
    /// Sign out
    Logout(logout::Args),
    /// The subscription, and who is signed in
    #[command(subcommand)]
    Account(account::Command),
    /// Resource groups
    #[command(subcommand)]
    Group(group::Command),
    /// The resource provider
    #[command(subcommand)]
    Provider(provider::Command),
    /// Users and service principals
    #[command(subcommand)]
    Ad(ad::Command),
    /// Roles and who has them
    #[command(subcommand)]
    Role(role::Command),
    /// Vaults and what is in them
    #[command(subcommand)]
    Keyvault(keyvault::Command),
    /// Keys (the same as keyvault key)
    #[command(subcommand)]
    Key(key::Command),
    /// Secrets (the same as keyvault secret)
    #[command(subcommand)]
    Secret(secret::Command),
    /// Certificates (the same as keyvault certificate)
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// The PINs of a vault's PKCS#11 token
    #[command(subcommand)]
    Token(token::Command),
    /// Who may do what, and why
    #[command(subcommand)]
    Policy(policy::Command),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Wrapped keys for other key services, made offline
    #[command(subcommand)]
    Byok(byok::Command),
    /// Bring another token's keys into a vault
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Show whether the daemon is up and unsealed
    Status,
    /// Make the daemon forget its root key
    Seal,
    /// Give the daemon its passphrase
    Unseal(unseal::Args),
    /// Print the settings in use as shell exports
    Env(env::Args),
    /// Check that everything between this shell and a signature works
    Doctor(doctor::Args),
    /// Print the script that completes words in a shell
    Completion(completion::Args),
    /// Start a throw-away daemon and print how to use it
    Dev(sandbox::Args),
    /// Run a command with a throw-away daemon around it
    Run(run::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Login(args) => login::run(args, context).await,
        Command::Logout(args) => logout::run(&args, context).await,
        Command::Account(command) => account::run(command, context).await,
        Command::Group(command) => group::run(command, context).await,
        Command::Provider(command) => provider::run(command, context).await,
        Command::Ad(command) => ad::run(command, context).await,
        Command::Role(command) => role::run(command, context).await,
        Command::Keyvault(command) => keyvault::run(command, context).await,
        Command::Key(command) => key::run(command, context).await,
        Command::Secret(command) => secret::run(command, context).await,
        Command::Certificate(command) => certificate::run(command, context).await,
        Command::Token(command) => token::run(command, context).await,
        Command::Policy(command) => policy::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Byok(command) => byok::run(&command),
        Command::Migrate(command) => migrate::run(command, context).await,
        Command::Status => status::run(context).await,
        Command::Seal => seal::run(context).await,
        Command::Unseal(args) => unseal::run(&args, context).await,
        Command::Env(args) => env::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Completion(args) => completion::run(&args),
        Command::Dev(args) => dev::run(&args).await,
        Command::Run(args) => run::run(&args).await,
    }
}
