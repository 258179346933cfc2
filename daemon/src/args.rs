//! The command line of `softkeepd`.

use std::{
    fs,
    future::Future,
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand, ValueEnum};
use softkeep_daemon::{
    config::{BackendName, Config, Listen},
    error::{Error, ErrorCode, Result},
    init::{self, Admin},
    keys::slot::Slot,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use zeroize::Zeroizing;

/// Holds keys, wrapped at rest, and uses them for programs that must not hold a key themselves.
#[derive(Parser)]
#[command(name = "softkeepd", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A configuration file.
    #[arg(long, value_name = "FILE", env = "SOFTKEEPD_CONFIG")]
    config: Option<PathBuf>,
    /// Where the store, the key file and the audit log lie.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// unix:///path or https://address:port; may be given again (default: the socket where the module and the CLI look).
    #[arg(long, value_name = "URL")]
    listen: Vec<Listen>,
    /// Which cryptography makes private-key operations: aws-lc or rustcrypto.
    #[arg(long, value_name = "NAME")]
    crypto_backend: Option<BackendName>,
    /// A throw-away daemon: initialises DIR if needed, makes vaults with known PINs, answers reflection.
    #[arg(long)]
    pub dev: bool,
    /// With --dev: a vault to make; may be given again.
    #[arg(long, value_name = "NAME", requires = "dev")]
    pub dev_vault: Vec<String>,
    /// Print "ready" on standard output once calls are served.
    #[arg(long)]
    pub ready_stdout: bool,
    /// Stop when standard input ends.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// What the daemon does besides serving.
#[derive(Subcommand)]
pub enum Command {
    /// Make the first root key and the first administrator of a new data folder.
    Init(Init),
}

/// `softkeepd init`.
#[derive(clap::Args)]
pub struct Init {
    /// The new data folder.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// How the root key is opened: by a passphrase that somebody enters at each start, or by a key file without anybody.
    #[arg(long, value_enum)]
    slot: SlotKind,
    /// The key file to make (default: DIR/root.key). Keep it on another volume than the data if you can.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Read the passphrase from a file, or from standard input with "-"; asked for otherwise.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A user of this machine who administers (root and the daemon's own user always do).
    #[arg(long, value_name = "UID", required_unless_present = "admin_user")]
    admin_uid: Vec<u32>,
    /// A user who administers after `softkeep login`.
    #[arg(long, value_name = "NAME")]
    admin_user: Option<String>,
    /// Read that user's password from a file, or from standard input with "-"; asked for otherwise.
    #[arg(long, value_name = "FILE", requires = "admin_user")]
    admin_password_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SlotKind {
    Passphrase,
    Keyfile,
}

impl Init {
    /// Initialises the folder.
    pub fn run(&self) -> Result<()> {
        if init::is_initialised(&self.data_dir) {
            return Err(Error::new(
                ErrorCode::AlreadyExists,
                format!("{} is already initialised", self.data_dir.display()),
            ));
        }
        init::make_private_dir(&self.data_dir)?;
        let slot = match self.slot {
            SlotKind::Passphrase => Slot::Passphrase(secret(self.passphrase_file.as_deref(), "passphrase")?),
            SlotKind::Keyfile => {
                let absolute = fs::canonicalize(&self.data_dir).map_err(Error::internal)?;
                Slot::KeyFile(self.key_file.clone().unwrap_or_else(|| absolute.join("root.key")))
            }
        };
        let mut admins: Vec<Admin> = self.admin_uid.iter().copied().map(Admin::Uid).collect();
        if let Some(name) = &self.admin_user {
            admins.push(Admin::User(name.clone(), secret(self.admin_password_file.as_deref(), "password")?));
        }
        init::init(&self.data_dir, &slot, &admins)
    }
}

/// A secret from a file, from standard input, or asked for twice at the terminal. A last newline does not belong to it.
fn secret(file: Option<&Path>, what: &str) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |cause: std::io::Error| {
        Error::new(ErrorCode::InvalidArgument, format!("cannot read the {what}")).because(cause)
    };
    let mut secret = Zeroizing::new(Vec::with_capacity(4096));
    match file {
        Some(path) if path == Path::new("-") => drop(std::io::stdin().read_to_end(&mut secret).map_err(failed)?),
        Some(path) => drop(fs::File::open(path).and_then(|mut file| file.read_to_end(&mut secret)).map_err(failed)?),
        None if std::io::stdin().is_terminal() => {
            let first = Zeroizing::new(rpassword::prompt_password(format!("New {what}: ")).map_err(failed)?);
            let second = Zeroizing::new(rpassword::prompt_password(format!("Again, the {what}: ")).map_err(failed)?);
            if first != second {
                return Err(Error::new(ErrorCode::InvalidArgument, format!("the two {what}s differ")));
            }
            secret.extend_from_slice(first.as_bytes());
        }
        None => {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("no terminal to ask for the {what}; give it in a file"),
            ));
        }
    }
    if secret.last() == Some(&b'\n') {
        secret.pop();
    }
    Ok(secret)
}

impl Args {
    /// The configuration: the file, and over it what the command line says.
    pub fn config(&self) -> Result<Config> {
        let mut config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        if config.listen.is_empty() {
            config.listen.push(Listen::Unix(default_socket()));
        }
        if let Some(backend) = self.crypto_backend {
            config.crypto_backend = backend;
        }
        config.check()?;
        Ok(config)
    }
}

/// Where the module and the CLI look: the user's runtime folder, or for root the machine's.
fn default_socket() -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| !rustix::process::geteuid().is_root());
    own.map_or_else(|| PathBuf::from("/run/softkeep"), |dir| PathBuf::from(dir).join("softkeep")).join("softkeep.sock")
}

/// Waits for SIGTERM, SIGINT or (if asked to) the end of standard input, then says stop.
pub fn wait_for_stop(with_stdin: bool, stop: watch::Sender<bool>) -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let (ended, mut stdin_ended) = watch::channel(false);
    if with_stdin {
        // A blocking read in a thread of its own: it ends with the process.
        std::thread::spawn(move || {
            let mut byte = [0];
            while std::io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
            ended.send_replace(true);
        });
    } else {
        std::mem::forget(ended);
    }
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = stdin_ended.wait_for(|ended| *ended) => {}
        }
        stop.send_replace(true);
        std::future::pending::<()>().await;
    })
}
