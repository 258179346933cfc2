//! Words for a shell that completes: clap knows the grammar, the daemon knows the names of vaults and of what is in
//! them. Nothing is ever printed about a daemon that does not answer: the shell just has no more to offer.

#[cfg(test)]
mod tests;

use std::{env, ffi::OsStr, process::ExitCode, time::Duration};

use clap::{Command, CommandFactory};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
};
use softkeep_proto::v1::{
    ListCertificatesRequest, ListGroupsRequest, ListKeysRequest, ListSecretsRequest, ListVaultsRequest,
};

use crate::{
    args::{Cli, GlobalArgs},
    client::Context,
    config::Settings,
    error::Result,
};

/// The variable that the shells' scripts set when they ask.
pub const VARIABLE: &str = "SOFTKEEP_COMPLETE";
/// Somebody is waiting with a finger on the tabulator key.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether this process was started by a shell that completes.
pub fn asked() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Prints the words that fit.
pub fn answer() -> ExitCode {
    let done = CompleteEnv::with_factory(grammar).var(VARIABLE).try_complete(env::args_os(), None);
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a name is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noun {
    Certificate,
    Group,
    Key,
    Secret,
    Vault,
}

/// The grammar, with somebody to ask at every flag that names something.
fn grammar() -> Command {
    with_names(Cli::command(), None)
}

/// What `--name` names depends on the command it is in.
fn with_names(command: Command, outer: Option<Noun>) -> Command {
    let noun = match command.get_name() {
        "certificate" => Some(Noun::Certificate),
        "group" => Some(Noun::Group),
        "key" => Some(Noun::Key),
        "keyvault" => Some(Noun::Vault),
        "secret" => Some(Noun::Secret),
        // What is new has no name to complete, and a role's is none of these.
        "create" | "set" | "import" | "check-name" | "role" | "issuer" => None,
        _ => outer,
    };
    let is_command = command.get_subcommands().next().is_none();
    let command = command.mut_subcommands(|inner| with_names(inner, noun));
    if !is_command {
        return command;
    }
    command.mut_args(|arg| {
        let names = match arg.get_id().as_str() {
            "vault_name" | "role_vault" => Some(Noun::Vault),
            "resource_group" => Some(Noun::Group),
            "name" => noun,
            _ => None,
        };
        match names {
            Some(noun) => arg.add(ArgValueCompleter::new(move |begun: &OsStr| candidates(noun, begun))),
            None => arg,
        }
    })
}

fn candidates(noun: Noun, begun: &OsStr) -> Vec<CompletionCandidate> {
    let words: Vec<String> = env::args().collect();
    let begun = begun.to_string_lossy().to_lowercase();
    let names = names(noun, &words).unwrap_or_default();
    names.into_iter().filter(|name| name.to_lowercase().starts_with(&begun)).map(CompletionCandidate::new).collect()
}

/// The value of a flag among the words typed so far.
fn flag(words: &[String], name: &str) -> Option<String> {
    let with_value = format!("{name}=");
    words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix(&with_value) {
        Some(value) => Some(value.to_owned()),
        None if word == name => words.get(index + 1).cloned(),
        None => None,
    })
}

/// Asks the daemon, for at most a second.
fn names(noun: Noun, words: &[String]) -> Option<Vec<String>> {
    let flags = GlobalArgs {
        endpoint: flag(words, "--endpoint"),
        config: flag(words, "--config").map(Into::into),
        ..GlobalArgs::default()
    };
    let settings = Settings::load(&flags).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let vault = flag(words, "--vault-name");
    let asked = async { tokio::time::timeout(PATIENCE, ask(noun, vault.as_deref(), &Context::new(settings))).await };
    runtime.block_on(asked).ok()?.ok()
}

/// The first page of names: more than anybody reads.
async fn ask(noun: Noun, vault: Option<&str>, context: &Context) -> Result<Vec<String>> {
    let vault = || context.settings.vault(vault);
    Ok(match noun {
        Noun::Vault => {
            let page = context.vaults().await?.list_vaults(ListVaultsRequest::default()).await?.into_inner();
            page.vaults.into_iter().map(|vault| vault.name).collect()
        }
        Noun::Group => {
            let page = context.vaults().await?.list_groups(ListGroupsRequest::default()).await?.into_inner();
            page.groups.into_iter().map(|group| group.name).collect()
        }
        Noun::Key => {
            let request = ListKeysRequest { vault: vault()?, ..ListKeysRequest::default() };
            let page = context.keys().await?.list_keys(request).await?.into_inner();
            page.keys.into_iter().map(|key| key.name).collect()
        }
        Noun::Secret => {
            let request = ListSecretsRequest { vault: vault()?, ..ListSecretsRequest::default() };
            let page = context.secrets().await?.list_secrets(request).await?.into_inner();
            page.secrets.into_iter().map(|secret| secret.name).collect()
        }
        Noun::Certificate => {
            let request = ListCertificatesRequest { vault: vault()?, ..ListCertificatesRequest::default() };
            let page = context.certificates().await?.list_certificates(request).await?.into_inner();
            page.certificates.into_iter().map(|certificate| certificate.name).collect()
        }
    })
}
