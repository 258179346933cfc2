//! `softkeep`: the command line of the Softkeep daemon, in `az`'s grammar. Nothing is decided here: arguments in, one
//! call, its answer out.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod azure;
mod client;
mod commands;
mod completion;
mod config;
mod confirm;
mod document;
mod encoding;
mod error;
mod files;
mod generic_update;
mod identifier;
mod input;
mod local;
mod output;
mod pages;
mod pem;
mod secret;
mod session;
mod shape;
mod time;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Cli, client::Context, config::Settings, error::Error, output::Printer};

fn main() -> ExitCode {
    // A shell asks for words: answered before anything else, and nothing else is done then.
    if completion::asked() {
        return completion::answer();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::report(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Error::io("cannot start the runtime", &error).report(),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> Result<u8, Error> {
    let settings = Settings::load(&cli.global)?;
    let printer = Printer::new(settings.output, cli.global.query.as_deref())?;
    let context = Context::new(settings);
    commands::account::check_subscription(cli.global.subscription.as_deref(), &cli.command, &context).await?;
    let reply = commands::run(cli.command, &context).await?;
    if let Some(value) = reply.value {
        printer.print(value, reply.columns)?;
    }
    match reply.then {
        Some(error) => Err(error),
        None => Ok(reply.exit),
    }
}
