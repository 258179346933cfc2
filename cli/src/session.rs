//! Who is signed in, and where: the tokens of `softkeep login`, one set for each daemon, in a file that only its owner
//! reads. Nothing here is ever printed; `account get-access-token` asks for the one token it prints.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use softkeep_proto::v1::AccessToken;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    config::Settings,
    error::{Error, Result},
};

/// An access token with less than this left is exchanged for a new one before it is used.
const REFRESH_BEFORE_SECONDS: i64 = 5 * 60;

/// One signed-in principal. No `Debug`: it holds tokens.
#[derive(Clone, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Sent with every call.
    pub access_token: String,
    /// Empty for a service principal: that signs in again.
    #[serde(default)]
    pub refresh_token: String,
    /// When the access token ends, in Unix seconds.
    pub expires: i64,
    /// As whom.
    pub name: String,
}

impl Session {
    /// What a sign-in gave; `refresh_token` is the one so far, where the answer has none.
    pub fn of(token: &AccessToken, refresh_token: &str) -> Self {
        let fresh = if token.refresh_token.is_empty() { refresh_token } else { &token.refresh_token };
        Self {
            access_token: token.access_token.clone(),
            refresh_token: fresh.to_owned(),
            expires: token.expires,
            name: token.principal.as_ref().map(|principal| principal.name.clone()).unwrap_or_default(),
        }
    }

    /// Whether it is time for another access token, and there is a way to one.
    pub fn wants_refresh(&self, now: i64) -> bool {
        !self.refresh_token.is_empty() && self.expires - now < REFRESH_BEFORE_SECONDS
    }
}

/// The file: sessions by endpoint. A token never goes to another daemon than the one that gave it.
#[derive(Default, Serialize, Deserialize)]
struct Sessions {
    sessions: BTreeMap<String, Session>,
}

/// The session with the daemon that the settings name, if there is one.
pub fn load(settings: &Settings) -> Result<Option<Session>> {
    let Some(path) = &settings.session_file else { return Ok(None) };
    Ok(read(path)?.sessions.remove(&settings.endpoint.to_string()))
}

/// Keeps a session, or forgets the one there is.
pub fn store(settings: &Settings, session: Option<Session>) -> Result<()> {
    let path = settings.session_file.as_ref().ok_or_else(|| {
        Error::local("there is no place to keep a session").fix("set HOME, XDG_CONFIG_HOME or SOFTKEEP_SESSION")
    })?;
    if session.is_none() && !path.exists() {
        return Ok(());
    }
    let _lock = locked(path)?;
    let mut all = read(path)?;
    let endpoint = settings.endpoint.to_string();
    match session {
        Some(session) => all.sessions.insert(endpoint, session),
        None => all.sessions.remove(&endpoint),
    };
    write(path, &all)
}

/// Forgets every session, with all daemons.
pub fn clear(settings: &Settings) -> Result<()> {
    match settings.session_file.as_deref().map(fs::remove_file) {
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("cannot remove the session file", &error))
        }
        _ => Ok(()),
    }
}

/// The time now, in Unix seconds.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// Reads the file. One that is not this user's is none of ours: a program under another user keeps the first one's HOME.
fn read(path: &Path) -> Result<Sessions> {
    let failed = |error: &io::Error| Error::io(format!("cannot read {}", path.display()), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
            ) =>
        {
            return Ok(Sessions::default());
        }
        Err(error) => return Err(failed(&error)),
    };
    let meta = file.metadata().map_err(|error| failed(&error))?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Ok(Sessions::default());
    }
    if meta.mode() & 0o077 != 0 {
        return Err(Error::local(format!("{} can be read by other users", path.display()))
            .fix(format!("chmod 600 {}, then: softkeep logout; its tokens may be known", path.display())));
    }
    let text = zeroize::Zeroizing::new(io::read_to_string(file).map_err(|error| failed(&error))?);
    serde_json::from_str(&text).map_err(|_| {
        Error::local(format!("{} is damaged", path.display()))
            .fix(format!("remove {}, then: softkeep login", path.display()))
    })
}

/// One writer at a time, so that two commands that refresh at once do not lose a token.
fn locked(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| Error::io(format!("cannot make {}", folder.display()), &error))?;
    }
    let lock = path.with_extension("lock");
    let open = || {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|error: io::Error| Error::io(format!("cannot lock {}", lock.display()), &error))
}

/// Writes the file whole, beside it first: no reader sees half of it.
fn write(path: &Path, all: &Sessions) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let text =
        zeroize::Zeroizing::new(serde_json::to_vec_pretty(all).map_err(|error| Error::local(error.to_string()))?);
    let write = || {
        // Made with 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error: io::Error| Error::io(format!("cannot write {}", path.display()), &error))
}

/// The file's place: `SOFTKEEP_SESSION`, else `session.json` beside the configuration file that was named, else in the
/// user's own folder.
pub fn place(named_config: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(path) = env("SOFTKEEP_SESSION") {
        return Some(PathBuf::from(path));
    }
    if let Some(config) = named_config {
        return Some(config.with_file_name("session.json"));
    }
    let base =
        env("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env("HOME")?).join(".config")))?;
    Some(base.join("softkeep/session.json"))
}

/// Takes the group's and the others' rights from the user's own folder, where the session is kept in it.
pub fn narrow(settings: &Settings) {
    let Some(folder) = settings.session_file.as_deref().and_then(Path::parent) else { return };
    let own = folder.file_name().is_some_and(|name| name == "softkeep");
    if own && fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o077 != 0) {
        // The file itself is 0600, so a folder that stays wide is no leak.
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    }
}
