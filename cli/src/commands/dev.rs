//! `softkeep dev`: a throw-away daemon until Ctrl-C. Exports on stdout, the rest on stderr.

use super::{
    Reply,
    sandbox::{self, Log, Sandbox, signals::Signals},
};
use crate::{
    error::{Error, Result},
    local, output,
};

/// Starts the daemon, prints how to use it, and stays.
pub async fn run(args: &sandbox::Args) -> Result<Reply> {
    let mut signals = Signals::catch()?;
    let mut sandbox = Sandbox::start(args, Log::Stderr)?;
    let result = stay(&mut sandbox, &mut signals).await;
    sandbox.stop().await;
    result.map(|()| Reply::nothing())
}

async fn stay(sandbox: &mut Sandbox, signals: &mut Signals) -> Result<()> {
    tokio::select! {
        ready = sandbox.ready() => ready?,
        _ = signals.next() => return Ok(()),
    }
    let exports: String = sandbox.variables().iter().map(|(name, value)| local::export(name, value)).collect();
    eprintln!("softkeepd is up, in {}; paste these lines into another shell:\n", sandbox.folder().display());
    output::write(exports.as_bytes())?;
    eprintln!("\ntry: softkeep key create --name demo --kty EC\nkeys here are throw-away; Ctrl-C stops it");
    tokio::select! {
        _ = signals.next() => Ok(()),
        status = sandbox.ended() => {
            let how = status.map_or_else(String::new, |status| format!(": {status}"));
            Err(Error::local(format!("softkeepd ended{how}")).fix("its log above says why"))
        }
    }
}
