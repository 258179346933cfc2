//! `softkeep keyvault …`.

mod check_name;
mod create;
mod delete;
mod delete_policy;
mod list;
mod list_deleted;
mod network_rule;
mod policy;
mod purge;
mod recover;
mod role;
mod set_policy;
mod show;
mod show_deleted;
mod update;
mod wait;

use clap::{Subcommand, ValueEnum, builder::BoolishValueParser};

use super::{Reply, certificate, key, secret};
use crate::{
    azure::{Anything, HsmArg},
    client::Context,
    error::Result,
};

/// The verbs of vaults.
#[derive(Subcommand)]
pub enum Command {
    /// Make a vault
    Create(Box<create::Args>),
    /// List the vaults you may see
    List(list::Args),
    /// Show a vault
    Show(show::Args),
    /// Change a vault
    Update(Box<update::Args>),
    /// Delete a vault with everything in it
    Delete(delete::Args),
    /// List the deleted vaults that can be recovered
    ListDeleted(list_deleted::Args),
    /// Show a deleted vault
    ShowDeleted(show_deleted::Args),
    /// Bring a deleted vault back
    Recover(recover::Args),
    /// Destroy a deleted vault for good
    Purge(purge::Args),
    /// Say whether a name is legal and free
    CheckName(check_name::Args),
    /// Give a principal permissions in a vault
    SetPolicy(set_policy::Args),
    /// Take a principal's permissions away
    DeletePolicy(delete_policy::Args),
    /// Wait until a vault is as it should be
    Wait(wait::Args),
    /// Who may connect: kept, not enforced
    #[command(subcommand)]
    NetworkRule(network_rule::Command),
    /// Roles in a vault
    #[command(subcommand)]
    Role(role::Command),
    /// Keys
    #[command(subcommand)]
    Key(key::Command),
    /// Secrets
    #[command(subcommand)]
    Secret(secret::Command),
    /// Certificates
    #[command(subcommand)]
    Certificate(certificate::Command),
    #[command(hide = true)]
    Backup(Anything),
    #[command(hide = true)]
    EkmConnection(Anything),
    #[command(hide = true)]
    PrivateEndpointConnection(Anything),
    #[command(hide = true)]
    PrivateLinkResource(Anything),
    #[command(hide = true)]
    Region(Anything),
    #[command(hide = true)]
    Restore(Anything),
    #[command(hide = true)]
    SecurityDomain(Anything),
    #[command(hide = true)]
    Setting(Anything),
    #[command(hide = true)]
    UpdateHsm(Anything),
    #[command(hide = true)]
    WaitHsm(Anything),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Create(args) => create::run(*args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Update(args) => update::run(*args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::ListDeleted(args) => list_deleted::run(&args, context).await,
        Command::ShowDeleted(args) => show_deleted::run(&args, context).await,
        Command::Recover(args) => recover::run(&args, context).await,
        Command::Purge(args) => purge::run(&args, context).await,
        Command::CheckName(args) => check_name::run(&args, context).await,
        Command::SetPolicy(args) => set_policy::run(args, context).await,
        Command::DeletePolicy(args) => delete_policy::run(args, context).await,
        Command::Wait(args) => wait::run(&args, context).await,
        Command::NetworkRule(command) => network_rule::run(command, context).await,
        Command::Role(command) => role::run(command, context).await,
        Command::Key(command) => key::run(command, context).await,
        Command::Secret(command) => secret::run(command, context).await,
        Command::Certificate(command) => certificate::run(command, context).await,
        Command::Backup(words) => words.refuse("keyvault backup"),
        Command::EkmConnection(words) => words.refuse("keyvault ekm-connection"),
        Command::PrivateEndpointConnection(words) => words.refuse("keyvault private-endpoint-connection"),
        Command::PrivateLinkResource(words) => words.refuse("keyvault private-link-resource"),
        Command::Region(words) => words.refuse("keyvault region"),
        Command::Restore(words) => words.refuse("keyvault restore"),
        Command::SecurityDomain(words) => words.refuse("keyvault security-domain"),
        Command::Setting(words) => words.refuse("keyvault setting"),
        Command::UpdateHsm(words) => words.refuse("keyvault update-hsm"),
        Command::WaitHsm(words) => words.refuse("keyvault wait-hsm"),
    }
}

/// A vault that is named in full, with the flags that az has beside its name. There is no default: deleting and
/// recovering are said.
#[derive(clap::Args)]
pub struct NamedVault {
    /// Vault
    #[arg(long, short = 'n', alias = "vault-name", required_unless_present = "hsm_name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'l', hide = true)]
    location: Option<String>,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    #[command(flatten)]
    hsm: HsmArg,
}

impl NamedVault {
    /// The name.
    fn name(&self) -> Result<String> {
        self.hsm.refuse()?;
        // A vault's name is unique here, and nothing is left to wait for.
        let _ = (&self.resource_group, &self.location, self.no_wait);
        Ok(self.name.clone().unwrap_or_default())
    }
}

/// Vault or Managed HSM pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResourceType {
    /// Managed HSM pools are in Azure only.
    Hsm,
    /// A vault.
    Vault,
}

/// Who else in Azure may read from the vault: kept, as nobody asks here.
#[derive(clap::Args)]
struct EnabledForArgs {
    /// Kept: Azure's virtual machines would read certificates
    #[arg(id = "enabled_for_deployment", long = "enabled-for-deployment", num_args = 0..=1,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    deployment: Option<bool>,
    /// Kept: Azure's disk encryption would read secrets
    #[arg(id = "enabled_for_disk_encryption", long = "enabled-for-disk-encryption", num_args = 0..=1,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    disk_encryption: Option<bool>,
    /// Kept: Azure's templates would read secrets
    #[arg(id = "enabled_for_template_deployment", long = "enabled-for-template-deployment", num_args = 0..=1,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    template_deployment: Option<bool>,
}

/// Who may connect.
#[derive(clap::Args)]
struct NetworkArgs {
    /// Kept, not enforced
    #[arg(long, value_parser = ["Enabled", "Disabled"], ignore_case = true)]
    public_network_access: Option<String>,
    /// What the network rules let pass anyway; kept, not enforced
    #[arg(long, value_parser = ["AzureServices", "None"], ignore_case = true)]
    bypass: Option<String>,
    /// What happens where no network rule fits; kept, not enforced
    #[arg(long, value_parser = ["Allow", "Deny"], ignore_case = true)]
    default_action: Option<String>,
}

/// What decides in a vault, as the daemon says it.
fn authorization(rbac: bool) -> &'static str {
    if rbac { "rbac" } else { "access-policy" }
}
