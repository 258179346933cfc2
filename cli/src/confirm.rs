//! "Are you sure?", where az asks it.

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
        let read = || {
            eprint!("Are you sure you want to perform this operation? (y/n): ");
            io::stderr().flush()?;
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|_| line.trim().to_ascii_lowercase())
        };
        match read().map_err(|error| Error::io("cannot read the answer", &error))?.as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Error::local("nothing was done: the answer was not yes").fix("answer y, or add --yes")),
        }
    }
}
