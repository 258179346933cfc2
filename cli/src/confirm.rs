//! Questions on the terminal whose answers are no secrets: "are you sure?", where az asks it, and names.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::{Error, Result};

/// `--yes`.
#[derive(clap::Args)]
pub struct ConfirmArgs {
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

impl ConfirmArgs {
    /// Asks, unless told not to. Without a terminal there is nobody to ask.
    pub fn ask(&self) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Error::local("there is no terminal to ask on whether you are sure").fix("add --yes"));
        }
        match line("Are you sure you want to perform this operation? (y/n)")?.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Error::local("nothing was done: the answer was not yes").fix("answer y, or add --yes")),
        }
    }
}

/// Asks for something by name; `fix` says how to give it without being asked.
pub fn ask(what: &str, fix: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return Err(Error::usage(format!("no {what} given and no terminal to ask on")).fix(fix));
    }
    match line(what)? {
        answer if answer.is_empty() => Err(Error::usage(format!("no {what} given")).fix(fix)),
        answer => Ok(answer),
    }
}

fn line(question: &str) -> Result<String> {
    let read = || {
        eprint!("{question}: ");
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line.trim().to_owned())
    };
    read().map_err(|error| Error::io("cannot read the answer", &error))
}
