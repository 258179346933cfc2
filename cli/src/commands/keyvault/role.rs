//! `softkeep keyvault role …`: the roles of `softkeep role`, by az's flags for a Managed HSM pool, which here name a
//! vault.

mod assignment;
mod definition;

use clap::Subcommand;
use softkeep_proto::v1::Vault;

use super::show;
use crate::{client::Context, commands::Reply, error::Result, identifier::Identifier, shape::vault::vault_id};

/// What there is about roles in a vault.
#[derive(Subcommand)]
pub enum Command {
    /// Who has which role where in a vault
    #[command(subcommand)]
    Assignment(assignment::Command),
    /// What the roles allow
    #[command(subcommand)]
    Definition(definition::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Assignment(command) => assignment::run(command, context).await,
        Command::Definition(command) => definition::run(command, context).await,
    }
}

/// The vault.
#[derive(clap::Args)]
#[group(skip)]
struct Place {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(id = "role_vault", long = "hsm-name", visible_alias = "vault-name", value_name = "VAULT")]
    vault: Option<String>,
    /// The vault's URL, instead of its name
    #[arg(id = "role_vault_id", long = "id", value_name = "URL", conflicts_with = "role_vault")]
    id: Option<String>,
}

impl Place {
    async fn vault(&self, context: &Context) -> Result<Vault> {
        let name = match &self.id {
            Some(id) => Identifier::parse(id)?.vault,
            None => context.settings.vault(self.vault.as_deref())?,
        };
        show::get(name, context).await
    }
}

/// A scope as az has it for a pool: `/` and `/keys` are the vault, `/keys/NAME` is a key. A whole identifier stays.
fn scope(vault: &Vault, scope: &str) -> String {
    if scope.to_ascii_lowercase().starts_with("/subscriptions/") {
        return scope.to_owned();
    }
    match scope.trim_matches('/') {
        "" | "keys" => vault_id(vault),
        inside => format!("{}/{inside}", vault_id(vault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_inside_a_vault() {
        let vault = Vault {
            name: "dev".to_owned(),
            resource_group: "G".to_owned(),
            subscription_id: "s".to_owned(),
            ..Vault::default()
        };
        let whole = "/subscriptions/s/resourceGroups/G/providers/Microsoft.KeyVault/vaults/dev";
        for (given, expected) in
            [("/", ""), ("", ""), ("/keys", ""), ("/keys/web", "/keys/web"), ("keys/web/", "/keys/web")]
        {
            assert_eq!(scope(&vault, given), format!("{whole}{expected}"), "{given}");
        }
        assert_eq!(scope(&vault, "/Subscriptions/other"), "/Subscriptions/other");
    }
}
