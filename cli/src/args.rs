//! The command line's grammar that several commands share. Each command's own flags are in its file.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, ValueEnum, builder::BoolishValueParser};
use softkeep_proto::{
    algorithm::KeyOperation,
    v1::{KeyAttributes, KeyRef},
};

use crate::{
    commands::Command,
    config::Settings,
    error::{Error, Result},
    identifier::Identifier,
    output::Format,
    time,
};

/// Keys that stay in the vault, from the command line, in the grammar of `az keyvault`
#[derive(Parser)]
#[command(
    name = "softkeep",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not permitted, 5 sealed or unreachable"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Default)]
pub struct GlobalArgs {
    /// Output format [env: SOFTKEEP_OUTPUT] [default: json]
    #[arg(long, short = 'o', global = true, value_enum, ignore_case = true, help_heading = "Global")]
    pub output: Option<Format>,
    /// JMESPath query on the output
    #[arg(long, global = true, value_name = "JMESPATH", help_heading = "Global")]
    pub query: Option<String>,
    /// Where the daemon is: unix:///path or https://host:port [env: SOFTKEEP_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global")]
    pub endpoint: Option<String>,
    /// Configuration file [env: SOFTKEEP_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub config: Option<PathBuf>,
}

/// Prints help on stdout, or a usage error in our three lines on stderr.
pub fn report(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody left to tell if stdout is closed.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    usage(&error.to_string()).report()
}

/// clap's text has paragraphs: what is wrong (some lines), tips, the usage line, where help is.
fn usage(text: &str) -> Error {
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let first = paragraphs.next().unwrap_or_default();
    let message = first.trim_start_matches("error: ").lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let rest: Vec<&str> = paragraphs.collect();
    let pick = |prefix: &str| {
        rest.iter()
            .find_map(|part| part.strip_prefix(prefix))
            .map(|part| part.lines().next().unwrap_or_default().trim())
    };
    let fix = pick("tip: ").or_else(|| pick("Usage: ")).unwrap_or("softkeep --help");
    if first.starts_with("error: ") {
        Error::usage(message).fix(fix)
    } else {
        // No subcommand: clap answers with the whole help.
        let shown = text.lines().find_map(|line| line.trim().strip_prefix("Usage: ")).unwrap_or("softkeep --help");
        Error::usage("a command is missing").fix(format!("{shown} (--help lists them)"))
    }
}

/// `--vault-name`.
#[derive(Args)]
pub struct VaultArg {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    pub vault_name: Option<String>,
}

/// A vault, also by its URL.
#[derive(Args)]
pub struct VaultTarget {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    vault_name: Option<String>,
    /// The vault's URL, https://VAULT.suffix, instead of --vault-name
    #[arg(long, value_name = "URL", conflicts_with = "vault_name")]
    id: Option<String>,
}

impl VaultTarget {
    /// The vault's name.
    pub fn resolve(&self, settings: &Settings) -> Result<String> {
        match &self.id {
            Some(id) => Ok(Identifier::parse(id)?.vault),
            None => settings.vault(self.vault_name.as_deref()),
        }
    }
}

/// A key, by vault and name or by its identifier.
#[derive(Args)]
pub struct KeyTarget {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    vault_name: Option<String>,
    /// Key
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// The key's identifier, https://VAULT.suffix/keys/NAME, instead of --vault-name and --name
    #[arg(long, value_name = "URL", conflicts_with_all = ["vault_name", "name"])]
    id: Option<String>,
}

impl KeyTarget {
    /// The key, with the version its identifier has.
    pub fn resolve(&self, settings: &Settings) -> Result<KeyRef> {
        if let Some(id) = &self.id {
            let id = Identifier::parse(id)?;
            let name = id.name.ok_or_else(|| Error::usage("--id names a vault, not a key"))?;
            return Ok(KeyRef { vault: id.vault, name, version: id.version.unwrap_or_default() });
        }
        let name = self.name.clone().ok_or_else(|| Error::usage("no key named").fix("--name NAME, or --id URL"))?;
        Ok(KeyRef { vault: settings.vault(self.vault_name.as_deref())?, name, version: String::new() })
    }
}

/// A key and perhaps one of its versions.
#[derive(Args)]
pub struct VersionTarget {
    #[command(flatten)]
    target: KeyTarget,
    /// Version; the current one if absent
    #[arg(long, short = 'v')]
    version: Option<String>,
}

impl VersionTarget {
    /// The key and version.
    pub fn resolve(&self, settings: &Settings) -> Result<KeyRef> {
        let mut key = self.target.resolve(settings)?;
        if let Some(version) = &self.version {
            if !key.version.is_empty() && !key.version.eq_ignore_ascii_case(version) {
                return Err(Error::usage("--version and --id name different versions").fix("leave --version out"));
            }
            key.version = version.to_ascii_lowercase();
        }
        Ok(key)
    }
}

/// Where Key Vault would keep the key. Here it is a label: both are kept the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// Kty without ending.
    Software,
    /// Kty with `-HSM`.
    Hsm,
}

/// What a new key may do and when.
#[derive(Args)]
pub struct AttributeArgs {
    /// What the key may do; everything its type can if absent
    #[arg(long, num_args = 1.., value_parser = KeyOperation::ALL.map(KeyOperation::name), ignore_case = true)]
    ops: Vec<String>,
    /// Create it disabled
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    disabled: Option<bool>,
    /// Not usable after this time (UTC), e.g. 2026-12-31T23:59:59Z
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    expires: Option<i64>,
    /// Not usable before this time (UTC)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    not_before: Option<i64>,
    #[command(flatten)]
    tags: TagArgs,
}

impl AttributeArgs {
    /// The operations, in JWK's spelling.
    pub fn operations(&self) -> Vec<String> {
        let spelled = |text: &String| {
            let known = KeyOperation::ALL.into_iter().find(|operation| operation.name().eq_ignore_ascii_case(text));
            known.map_or_else(|| text.clone(), |operation| operation.name().to_owned())
        };
        self.ops.iter().map(spelled).collect()
    }

    /// The attributes as the daemon takes them.
    pub fn attributes(&self) -> Result<KeyAttributes> {
        if let (Some(from), Some(until)) = (self.not_before, self.expires)
            && until <= from
        {
            return Err(Error::usage("--expires is not after --not-before"));
        }
        Ok(KeyAttributes {
            enabled: self.disabled.map(|disabled| !disabled),
            not_before: self.not_before,
            expires: self.expires,
            tags: self.tags.map()?,
        })
    }
}

/// `--tags`.
#[derive(Args)]
pub struct TagArgs {
    /// Tags as name=value, several separated by blanks
    #[arg(long, num_args = 0.., value_name = "NAME=VALUE")]
    tags: Vec<String>,
}

impl TagArgs {
    /// The tags; a name without a value has an empty one, as in `az`.
    pub fn map(&self) -> Result<HashMap<String, String>> {
        let mut map = HashMap::new();
        for tag in self.tags.iter().filter(|tag| !tag.is_empty()) {
            let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
            if name.is_empty() {
                return Err(Error::usage(format!("--tags '{tag}' has no name")).fix("--tags name=value"));
            }
            if map.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Error::usage(format!("--tags has '{name}' twice")));
            }
        }
        Ok(map)
    }
}
