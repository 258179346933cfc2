//! Settings: flag over environment over the user's `config.toml` over `/etc/softkeep/config.toml` over defaults. Read
//! once, before anything is done.

#[cfg(test)]
mod tests;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    args::GlobalArgs,
    error::{Error, Result},
    output::Format,
    session,
};

const SYSTEM_CONFIG: &str = "/etc/softkeep/config.toml";
const SYSTEM_SOCKET: &str = "/run/softkeep/softkeep.sock";

/// `sun_path` of a Unix socket address holds 108 bytes with the final zero.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Where the daemon is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket on this machine.
    Unix(PathBuf),
    /// mTLS over TCP.
    Https(String),
}

impl Endpoint {
    /// Reads `unix:///path` or `https://host:port`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("endpoint '{text}' {why}"))
                .fix("SOFTKEEP_ENDPOINT is unix:///path/to/softkeep.sock or https://host:port")
        };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(wrong("is not an absolute path"));
            }
            if path.len() > MAX_SOCKET_PATH_BYTES {
                return Err(wrong("is longer than a unix socket's path may be (107 bytes)"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        match text.strip_prefix("https://") {
            Some(host) if !host.trim_end_matches('/').is_empty() => {
                Ok(Self::Https(text.trim_end_matches('/').to_owned()))
            }
            _ => Err(wrong("is neither unix:// nor https://")),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Https(url) => f.write_str(url),
        }
    }
}

/// The files of an mTLS connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tls {
    /// Who may have signed the daemon's certificate.
    pub ca_file: Option<PathBuf>,
    /// This caller's certificate.
    pub certificate_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
}

/// One `config.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct File {
    endpoint: Option<String>,
    vault: Option<String>,
    output: Option<String>,
    tls: Tls,
}

/// What all commands share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the daemon is.
    pub endpoint: Endpoint,
    /// Which setting the endpoint came from.
    pub endpoint_origin: String,
    /// The vault when a command names none.
    pub vault: Option<String>,
    /// `-o`.
    pub output: Format,
    /// Whether somebody chose it; a few commands print plain lines otherwise.
    pub output_chosen: bool,
    /// mTLS files.
    pub tls: Tls,
    /// The configuration files that were read, strongest first.
    pub files: Vec<PathBuf>,
    /// Where the tokens of `softkeep login` are kept, if there is a place.
    pub session_file: Option<PathBuf>,
}

/// A variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    /// Reads flags, environment and files.
    pub fn load(flags: &GlobalArgs) -> Result<Self> {
        let mut files = Vec::new();
        if let Some(path) = flags.config.clone().or_else(|| variable("SOFTKEEP_CONFIG").map(PathBuf::from)) {
            let file = read(&path)?.ok_or_else(|| Error::usage(format!("no configuration file {}", path.display())))?;
            files.push((path, file));
        } else if let Some(path) = user_config(&variable)
            && let Some(file) = read(&path)?
        {
            files.push((path, file));
        }
        if let Some(file) = read(Path::new(SYSTEM_CONFIG))? {
            files.push((PathBuf::from(SYSTEM_CONFIG), file));
        }
        Self::resolve(flags, &variable, files, &|path| path.exists())
    }

    /// The precedence itself.
    pub fn resolve(
        flags: &GlobalArgs,
        env: &dyn Fn(&str) -> Option<String>,
        files: Vec<(PathBuf, File)>,
        exists: &dyn Fn(&Path) -> bool,
    ) -> Result<Self> {
        let from_files = |pick: &dyn Fn(&File) -> Option<String>| {
            files.iter().find_map(|(path, file)| pick(file).map(|value| (value, path.display().to_string())))
        };
        let endpoint = (flags.endpoint.clone().map(|value| (value, "--endpoint".to_owned())))
            .or_else(|| env("SOFTKEEP_ENDPOINT").map(|value| (value, "SOFTKEEP_ENDPOINT".to_owned())))
            .or_else(|| from_files(&|file| file.endpoint.clone()));
        let (endpoint, endpoint_origin) = match endpoint {
            Some((text, origin)) => (Endpoint::parse(&text)?, origin),
            None => (Endpoint::Unix(default_socket(env, exists)), "default".to_owned()),
        };
        let output = match flags.output {
            Some(format) => Some(format),
            None => env("SOFTKEEP_OUTPUT")
                .map(|value| (value, "SOFTKEEP_OUTPUT".to_owned()))
                .or_else(|| from_files(&|file| file.output.clone()))
                .map(|(text, origin)| Format::parse(&text, &origin))
                .transpose()?,
        };
        let vault = env("SOFTKEEP_VAULT").or_else(|| from_files(&|file| file.vault.clone()).map(|(value, _)| value));
        let tls = |pick: &dyn Fn(&Tls) -> Option<PathBuf>| files.iter().find_map(|(_, file)| pick(&file.tls));
        let tls = Tls {
            ca_file: tls(&|tls| tls.ca_file.clone()),
            certificate_file: tls(&|tls| tls.certificate_file.clone()),
            key_file: tls(&|tls| tls.key_file.clone()),
        };
        let files = files.into_iter().map(|(path, _)| path).collect();
        let named = flags.config.clone().or_else(|| env("SOFTKEEP_CONFIG").map(PathBuf::from));
        let session_file = session::place(named.as_deref(), env);
        Ok(Self {
            endpoint,
            endpoint_origin,
            vault,
            output: output.unwrap_or(Format::Json),
            output_chosen: output.is_some(),
            tls,
            files,
            session_file,
        })
    }

    /// The vault of a command: its own flag, else the default.
    pub fn vault(&self, flag: Option<&str>) -> Result<String> {
        flag.map(str::to_owned)
            .or_else(|| self.vault.clone())
            .ok_or_else(|| Error::usage("no vault named").fix("--vault-name NAME, or export SOFTKEEP_VAULT=NAME"))
    }
}

/// `$XDG_CONFIG_HOME/softkeep/config.toml`.
fn user_config(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base =
        env("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env("HOME")?).join(".config")))?;
    Some(base.join("softkeep/config.toml"))
}

/// The user's own daemon if its socket is there, else the machine's.
fn default_socket(env: &dyn Fn(&str) -> Option<String>, exists: &dyn Fn(&Path) -> bool) -> PathBuf {
    env("XDG_RUNTIME_DIR")
        .map(|base| PathBuf::from(base).join("softkeep/softkeep.sock"))
        .filter(|path| exists(path))
        .unwrap_or_else(|| PathBuf::from(SYSTEM_SOCKET))
}

/// A configuration file, or none if it is not there or not this user's to read (a program under another user keeps the first one's HOME).
fn read(path: &Path) -> Result<Option<File>> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, path).map(Some),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::usage(format!("cannot read {}: {error}", path.display()))),
    }
}

fn parse(text: &str, path: &Path) -> Result<File> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
        Error::usage(format!("{} line {line}: {}", path.display(), error.message()))
            .fix("it takes endpoint, vault, output and [tls] ca-file, certificate-file, key-file")
    })
}
