//! TABLE: the commands and flags of `az` that need Azure itself. Each exists here, so that nobody wonders whether it is
//! spelled otherwise, and says so. docs/azure-differences.md has the same rows, which a test compares.

#[cfg(test)]
mod tests;

use softkeep_proto::error::ErrorCode;

use crate::{
    commands::Reply,
    error::{Error, Result},
    output,
};

/// One row: what is typed after `softkeep`, and why there is no answer here.
pub type Row = (&'static str, &'static str);

const BLOB: &str = "it writes to or reads from Azure Storage; copy the daemon's data folder instead";
const PRIVATE_LINK: &str = "private links are Azure's network; a daemon listens where its configuration says";
const MANAGED_HSM: &str = "Managed HSM pools are Azure's hardware; every vault of a daemon is a vault";
const EXTERNAL_KEYS: &str = "external key managers are reached from Managed HSM pools only";
const ATTESTATION: &str = "attestations are signed by the maker of an HSM; Softkeep is software";
const MANAGED_IDENTITY: &str =
    "managed identities belong to Azure's machines; Unix peers and certificates do this here";
const AZURE_ONLY_NETWORK: &str = "virtual networks are Azure's; give --subnet its whole identifier, which is kept";
const RELEASE: &str = "an attestation service of Azure decides which machine gets a released key";
const PROVIDERS: &str = "the only provider here is Microsoft.KeyVault";

/// Commands.
pub const COMMANDS: &[Row] = &[
    ("keyvault backup start", BLOB),
    ("keyvault ekm-connection certificate show", EXTERNAL_KEYS),
    ("keyvault ekm-connection check", EXTERNAL_KEYS),
    ("keyvault ekm-connection create", EXTERNAL_KEYS),
    ("keyvault ekm-connection delete", EXTERNAL_KEYS),
    ("keyvault ekm-connection show", EXTERNAL_KEYS),
    ("keyvault ekm-connection update", EXTERNAL_KEYS),
    ("keyvault key get-attestation", ATTESTATION),
    ("keyvault private-endpoint-connection approve", PRIVATE_LINK),
    ("keyvault private-endpoint-connection delete", PRIVATE_LINK),
    ("keyvault private-endpoint-connection list", PRIVATE_LINK),
    ("keyvault private-endpoint-connection reject", PRIVATE_LINK),
    ("keyvault private-endpoint-connection show", PRIVATE_LINK),
    ("keyvault private-endpoint-connection wait", PRIVATE_LINK),
    ("keyvault private-link-resource list", PRIVATE_LINK),
    ("keyvault region add", MANAGED_HSM),
    ("keyvault region list", MANAGED_HSM),
    ("keyvault region remove", MANAGED_HSM),
    ("keyvault region wait", MANAGED_HSM),
    ("keyvault restore start", BLOB),
    ("keyvault security-domain download", MANAGED_HSM),
    ("keyvault security-domain init-recovery", MANAGED_HSM),
    ("keyvault security-domain restore-blob", MANAGED_HSM),
    ("keyvault security-domain upload", MANAGED_HSM),
    ("keyvault security-domain wait", MANAGED_HSM),
    ("keyvault setting list", MANAGED_HSM),
    ("keyvault setting show", MANAGED_HSM),
    ("keyvault setting update", MANAGED_HSM),
    ("keyvault update-hsm", MANAGED_HSM),
    ("keyvault wait-hsm", MANAGED_HSM),
];

/// Flags of commands that otherwise work.
pub const FLAGS: &[Row] = &[
    ("--administrators", MANAGED_HSM),
    ("--backup-folder", BLOB),
    ("--blob-container-name", BLOB),
    ("--default-cvm-policy", RELEASE),
    ("--default-data-disk-policy", RELEASE),
    ("--exportable", RELEASE),
    ("--external-key-id", EXTERNAL_KEYS),
    ("--hsm-name", MANAGED_HSM),
    ("--identity", MANAGED_IDENTITY),
    ("--immutable", RELEASE),
    ("--mi-user-assigned", MANAGED_IDENTITY),
    ("--namespace", PROVIDERS),
    ("--ops export", RELEASE),
    ("--storage-account-name", BLOB),
    ("--storage-container-SAS-token", BLOB),
    ("--storage-resource-uri", BLOB),
    ("--vnet-name", AZURE_ONLY_NETWORK),
    ("key --policy", RELEASE),
    ("key restore --name", BLOB),
];

/// The error for a row of one of the tables.
pub fn needs_azure(what: &str) -> Error {
    let why = COMMANDS.iter().chain(FLAGS).find(|(name, _)| *name == what).map_or(MANAGED_HSM, |(_, why)| why);
    Error::coded(ErrorCode::NeedsAzure, format!("'{what}' needs Azure itself: {why}"))
}

/// `--hsm-name`, which az takes beside `--vault-name`.
#[derive(clap::Args)]
pub struct HsmArg {
    /// Managed HSM pools are in Azure only
    #[arg(id = "hsm_name", long = "hsm-name", value_name = "HSM", hide = true)]
    hsm_name: Option<String>,
}

impl HsmArg {
    /// An error if it was given.
    pub fn refuse(&self) -> Result<()> {
        refuse_flag("--hsm-name", self.hsm_name.is_some())
    }
}

/// An error if a flag of the table was given.
pub fn refuse_flag(flag: &str, given: bool) -> Result<()> {
    if given { Err(needs_azure(flag)) } else { Ok(()) }
}

/// A noun of which every verb needs Azure: any words and flags.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Anything {
    #[arg(num_args = 0.., allow_hyphen_values = true, trailing_var_arg = true, hide = true)]
    words: Vec<String>,
}

impl Anything {
    /// The row's error; for a verb that az does not have either, the verbs there are.
    pub fn refuse(&self, noun: &str) -> Result<Reply> {
        let known = || COMMANDS.iter().filter(|(command, _)| command.starts_with(noun));
        if self.words.iter().any(|word| word == "-h" || word == "--help") {
            let lines: String =
                known().map(|(command, why)| format!("softkeep {command}\n    needs Azure itself: {why}\n")).collect();
            output::write(lines.as_bytes())?;
            return Ok(Reply::nothing());
        }
        let typed = self.words.iter().take_while(|word| !word.starts_with('-')).map(String::as_str);
        let typed: Vec<&str> = std::iter::once(noun).chain(typed).collect();
        let typed = typed.join(" ");
        if COMMANDS.iter().any(|(command, _)| *command == typed) {
            return Err(needs_azure(&typed));
        }
        let verbs: Vec<&str> = known().map(|(command, _)| *command).collect();
        Err(Error::usage(format!("there is no command '{typed}'")).fix(format!("az has: {}", verbs.join(", "))))
    }
}
