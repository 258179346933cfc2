//! `softkeep completion`.

use clap::ValueEnum;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::{
    commands::Reply,
    completion::VARIABLE,
    error::{Error, Result},
    output,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// For which shell; load it with, e.g., source <(softkeep completion bash)
    #[arg(value_enum)]
    shell: Shell,
}

/// The shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Prints the script. It asks the program on the PATH for words, so it stays right when the program is updated.
pub fn run(args: &Args) -> Result<Reply> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "softkeep", "softkeep", "softkeep", &mut script)
        .map_err(|error| Error::io("cannot write the script", &error))?;
    output::write(&script)?;
    Ok(Reply::nothing())
}
