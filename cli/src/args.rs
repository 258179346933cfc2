//! The command line's grammar that several commands share. Each command's own flags are in its file.

#[cfg(test)]
mod tests;

pub mod attributes;
pub mod azure;
pub mod list;
pub mod target;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser};

pub use self::{
    attributes::{AttributeArgs, Protection, TagArgs},
    target::{KeyTarget, VaultArg, VaultTarget, VersionTarget},
};
use crate::{commands::Command, error::Error, output::Format};

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
    /// The subscription's name or id, to be sure
    #[arg(long, global = true, value_name = "NAME", hide = true)]
    pub subscription: Option<String>,
    /// Accepted for az's sake: what it would say more or less of is not said
    #[arg(long, global = true, hide = true)]
    pub only_show_errors: bool,
    /// Accepted for az's sake
    #[arg(long, global = true, hide = true)]
    pub verbose: bool,
    /// Accepted for az's sake
    #[arg(long, global = true, hide = true)]
    pub debug: bool,
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
