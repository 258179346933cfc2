//! The module's settings: where the daemon is, how long to wait, where to log. Nothing here is required, and a mistake
//! here never fails C_Initialize: it is logged and the default is used, because the host could not say what went wrong.
//! Only an endpoint that cannot be read is not replaced: see `choose`.

use std::{env, fs, path::Path, time::Duration};

use softkeep_proto::limits::MODULE_CALL_TIMEOUT_MS;

use crate::{
    log::Log,
    transport::{Endpoint, TlsFiles},
};

#[cfg(test)]
mod tests;

/// The longest wait that can be set: more would look like a hang to every host.
const MAX_TIMEOUT_MS: u64 = 600_000;

/// A configuration file is a few lines; more is a wrong path.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// What C_Initialize found out.
pub struct Config {
    /// Where the daemon listens.
    pub endpoint: Endpoint,
    /// How long one call may take, reconnecting included.
    pub timeout: Duration,
    /// Where failures are written.
    pub log: Log,
}

/// The settings as written, before anything is chosen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    endpoint: Option<String>,
    timeout_ms: Option<u64>,
    log: Option<String>,
    tls: TlsFiles,
    mistakes: Vec<String>,
}

impl Config {
    /// Reads the environment, then the file it names, and C_Initialize's `pReserved` string. The most particular wins:
    /// the string, then the variable, then the file.
    pub fn load(reserved: Option<&str>) -> Self {
        let mut written = Written::default();
        if let Some(path) = trusted_env("SOFTKEEP_PKCS11_CONF") {
            written.read_file(Path::new(&path));
        }
        if let Some(endpoint) = trusted_env("SOFTKEEP_ENDPOINT") {
            written.endpoint = Some(endpoint);
        }
        if let Some(log) = trusted_env("SOFTKEEP_PKCS11_LOG") {
            written.log = Some(log);
        }
        let TlsFiles { ca, certificate, key } = &mut written.tls;
        let files = [("SOFTKEEP_TLS_CA", ca), ("SOFTKEEP_TLS_CERTIFICATE", certificate), ("SOFTKEEP_TLS_KEY", key)];
        for (name, file) in files {
            if let Some(path) = trusted_env(name) {
                *file = Some(path.into());
            }
        }
        if let Some(endpoint) = reserved.and_then(endpoint_of) {
            written.endpoint = Some(endpoint.into());
        }
        written.choose()
    }
}

/// The environment belongs to whoever starts the program: in a set-user-ID one it must not choose who sees the PIN, nor
/// which file is appended to.
fn trusted_env(name: &str) -> Option<String> {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    // The kernel knows of file capabilities too (AT_SECURE, getauxval(3)).
    let elevated = crate::ffi::is_secure_execution() || getuid() != geteuid() || getgid() != getegid();
    env::var(name).ok().filter(|value| !elevated && !value.is_empty())
}

/// The endpoint in an initialisation string such as `endpoint=unix:///run/softkeep.sock other=x`; other programs' words
/// (NSS's `configdir='…'`, libp11's) are left alone.
fn endpoint_of(reserved: &str) -> Option<&str> {
    let words = reserved.split([' ', ',', ';', '\t', '\n']);
    words.filter_map(|word| word.strip_prefix("endpoint=")).map(|value| value.trim_matches(['"', '\''])).next()
}

impl Written {
    fn read_file(&mut self, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) if text.len() <= MAX_FILE_BYTES => self.read_text(&text),
            Ok(_) => self.mistakes.push(format!("{}: longer than {MAX_FILE_BYTES} bytes", path.display())),
            Err(error) => self.mistakes.push(format!("{}: {error}", path.display())),
        }
    }

    /// `key = value` lines; `#` begins a comment, quotes around a value are dropped.
    fn read_text(&mut self, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                self.mistakes.push(format!("line {}: not `key = value`", index + 1));
                continue;
            };
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            match key.trim() {
                "endpoint" => self.endpoint = Some(value),
                "log" => self.log = Some(value),
                "tls-ca" => self.tls.ca = Some(value.into()),
                "tls-certificate" => self.tls.certificate = Some(value.into()),
                "tls-key" => self.tls.key = Some(value.into()),
                "timeout-ms" => match value.parse() {
                    Ok(ms @ 1..=MAX_TIMEOUT_MS) => self.timeout_ms = Some(ms),
                    _ => self.mistakes.push(format!("line {}: timeout-ms is 1 to {MAX_TIMEOUT_MS}", index + 1)),
                },
                other => self.mistakes.push(format!("line {}: unknown setting `{other}`", index + 1)),
            }
        }
    }

    fn choose(mut self) -> Config {
        let mut endpoint = match self.endpoint.as_deref().map(Endpoint::parse) {
            Some(Ok(endpoint)) => endpoint,
            Some(Err(why)) => {
                self.mistakes.push(format!("endpoint: {why}"));
                // A setting that cannot be read must not lead to another daemon, which would get the PIN: it fails at
                // the first call, with its text in the cause.
                Endpoint::Unix(self.endpoint.take().unwrap_or_default().into())
            }
            None => Endpoint::discover(),
        };
        if let Endpoint::Https(remote) = &mut endpoint {
            // Now, while the host may still have the right to read them.
            remote.configure(&self.tls);
            self.mistakes.extend(remote.mistake().map(|mistake| format!("TLS: {mistake}")));
        }
        let log = self.log.as_deref().map(Log::parse).unwrap_or_default();
        for mistake in &self.mistakes {
            log.line(&format!("configuration: {mistake}"));
        }
        Config { endpoint, timeout: Duration::from_millis(self.timeout_ms.unwrap_or(MODULE_CALL_TIMEOUT_MS)), log }
    }
}
