//! `softkeep run -- COMMAND`: a daemon from before the command to after it, and the command's exit code.

#[cfg(test)]
mod tests;

use std::{ffi::OsString, io, os::unix::process::ExitStatusExt, process::ExitStatus};

use tokio::process::{Child, Command};

use super::{
    Reply,
    sandbox::{
        self, Log, Sandbox,
        signals::{self, Signals},
    },
};
use crate::error::{Error, Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    sandbox: sandbox::Args,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command with a daemon around it.
pub async fn run(args: &Args) -> Result<Reply> {
    let mut signals = Signals::catch()?;
    let mut sandbox = Sandbox::start(&args.sandbox, Log::File)?;
    let ready = tokio::select! {
        ready = sandbox.ready() => ready.map(|()| None),
        signal = signals.next() => Ok(Some(signals::exit_code(signal))),
    };
    let result = match ready {
        Ok(None) => around(&args.command, &mut sandbox, &mut signals).await,
        Ok(Some(code)) => Ok(code),
        Err(error) => Err(error),
    };
    sandbox.stop().await;
    result.map(Reply::exit)
}

/// Starts the command and stays with it to its end.
async fn around(command: &[OsString], sandbox: &mut Sandbox, signals: &mut Signals) -> Result<u8> {
    let (program, arguments) = command.split_first().ok_or_else(|| Error::usage("no command"))?;
    let variables = sandbox.variables().iter().map(|(name, value)| (*name, value));
    let mut child = match Command::new(program).args(arguments).envs(variables).spawn() {
        Ok(child) => child,
        Err(error) => {
            let message = format!("cannot run {}: {error}", program.to_string_lossy());
            eprintln!("{}", Error::local(message).fix("check the command after --").render());
            return Ok(cannot_run(&error));
        }
    };
    wait(&mut child, sandbox, signals).await
}

async fn wait(child: &mut Child, sandbox: &mut Sandbox, signals: &mut Signals) -> Result<u8> {
    let mut alive = true;
    loop {
        tokio::select! {
            status = child.wait() => {
                return status.map(exit_code).map_err(|error| Error::io("cannot wait for the command", &error));
            }
            signal = signals.next() => signals::forward(signal, child.id()),
            status = sandbox.ended(), if alive => {
                alive = false;
                let how = status.map_or_else(String::new, |status| format!(" ({status})"));
                eprintln!("warning: softkeepd ended before the command{how}");
            }
        }
    }
}

/// The shell's exit codes for a command that is not there, and for one that cannot be run.
fn cannot_run(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

/// The command's exit code; 128 and the signal's number if one ended it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(1)
}
