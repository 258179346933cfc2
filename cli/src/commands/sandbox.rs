//! A throw-away daemon in a folder of its own, for `dev` and `run`: made, waited for, described as environment,
//! stopped, swept away.

#[cfg(test)]
mod tests;

pub mod signals;

mod daemon;
mod folder;

use std::{path::PathBuf, process::ExitStatus};

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use crate::{
    error::{Error, Result},
    local,
};
use daemon::Daemon;
use folder::Folder;

/// Flags of `dev` and `run`. No group: it would have the name of the group that `run` has.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// A vault to make; may be repeated, the first is the default one
    #[arg(long = "vault", value_name = "NAME", default_value = "dev")]
    vaults: Vec<String>,
    /// User PIN of each vault
    #[arg(long, default_value = "1234")]
    pin: String,
    /// Security officer's PIN of each vault
    #[arg(long, default_value = "12345678")]
    so_pin: String,
    /// An administrator for login
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = NonEmptyStringValueParser::new().try_map(user))]
    user: Option<String>,
    /// Also serve Key Vault's own API
    #[arg(long)]
    azure: bool,
    /// Keep everything in this folder, which stays
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Leave the temporary folder behind
    #[arg(long)]
    keep: bool,
}

fn user(text: String) -> std::result::Result<String, String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => Ok(text),
        _ => Err("expected NAME:PASSWORD".to_owned()),
    }
}

/// Where the daemon's log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// This program's stderr.
    Stderr,
    /// `softkeepd.log` in the folder, shown if the daemon does not start.
    File,
}

/// The running daemon and its folder.
pub struct Sandbox {
    folder: Folder,
    daemon: Daemon,
    variables: Vec<(&'static str, String)>,
}

impl Sandbox {
    /// Makes the folder and starts the daemon. After this, [`stop`](Self::stop) is due on every path.
    pub fn start(args: &Args, log: Log) -> Result<Self> {
        if args.azure {
            return Err(Error::usage("--azure is not built yet").fix("leave it out; gRPC and PKCS#11 work without it"));
        }
        let program = local::daemon()?;
        let folder = Folder::make(args.data_dir.as_deref(), args.keep)?;
        let variables = variables(args, &folder)?;
        let daemon = Daemon::spawn(&program, args, &folder, log)?;
        Ok(Self { folder, daemon, variables })
    }

    /// Waits until the daemon says that it is ready.
    pub async fn ready(&mut self) -> Result<()> {
        self.daemon.ready().await
    }

    /// Waits until the daemon ends, which it should not do.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.daemon.ended().await
    }

    /// The environment that leads to this daemon.
    pub fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// The folder, where the user may look if it stays.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Stops the daemon and removes what should not stay.
    pub async fn stop(self) {
        self.daemon.stop().await;
        self.folder.sweep();
    }
}

/// Writes the files that the variables name, and gives the variables.
fn variables(args: &Args, folder: &Folder) -> Result<Vec<(&'static str, String)>> {
    let vault = args.vaults.first().cloned().unwrap_or_default();
    let endpoint = folder.endpoint();
    let mut variables = vec![("SOFTKEEP_ENDPOINT", endpoint.clone()), ("SOFTKEEP_VAULT", vault.clone())];
    // A session with this daemon ends with it.
    variables.push(("SOFTKEEP_SESSION", folder.path().join("session.json").display().to_string()));
    match local::module() {
        Some(module) => {
            let module = module.display().to_string();
            let java = java_config(&module);
            variables.push(("SOFTKEEP_PKCS11_MODULE", module.clone()));
            variables.push(("PKCS11_MODULE_PATH", module));
            variables.push(("SOFTKEEP_JAVA_CONFIG", folder.write("java.cfg", &java)?));
        }
        None => eprintln!("warning: {} is not beside softkeep; its variables are not set", local::MODULE),
    }
    variables.push(("SOFTKEEP_TOKEN_LABEL", vault));
    variables.push(("SOFTKEEP_PIN", args.pin.clone()));
    variables.push(("SOFTKEEP_SO_PIN", args.so_pin.clone()));
    variables.push(("SOFTKEEP_PKCS11_CONF", folder.write("pkcs11.conf", &format!("endpoint = {endpoint}\n"))?));
    Ok(variables)
}

/// What SunPKCS11 reads. The slot by its number, which never changes: `slotListIndex` needs a daemon that is there already.
/// Not `attributes = compatibility`: it asks for keys that may leave the token, and takes them out.
fn java_config(module: &str) -> String {
    format!("name = Softkeep\nlibrary = {module}\nslot = 0\n")
}
