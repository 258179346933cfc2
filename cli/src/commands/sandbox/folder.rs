//! The folder of a throw-away daemon. Other users may pass through it to the socket and see nothing else.

use std::{
    env,
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    config::MAX_SOCKET_PATH_BYTES,
    error::{Error, Result},
};

const MODE: u32 = 0o711;

/// The folder.
pub struct Folder {
    path: PathBuf,
    /// Removed with everything in it, when it goes.
    temporary: Option<TempDir>,
}

impl Folder {
    /// A new folder in `$TMPDIR`, or the one that was named.
    pub fn make(named: Option<&Path>, keep: bool) -> Result<Self> {
        let mut folder = match named {
            Some(path) => {
                let failed = |error| Error::io(format!("--data-dir: cannot make {}", path.display()), &error);
                DirBuilder::new().recursive(true).mode(MODE).create(path).map_err(failed)?;
                Self { path: path.canonicalize().map_err(failed)?, temporary: None }
            }
            None => {
                let failed = |error| Error::io("cannot make a temporary folder", &error);
                let base = env::temp_dir().canonicalize().map_err(failed)?;
                let made = tempfile::Builder::new()
                    .prefix("softkeep-run.")
                    .permissions(Permissions::from_mode(MODE))
                    .tempdir_in(base)
                    .map_err(failed)?;
                Self { path: made.path().to_path_buf(), temporary: Some(made) }
            }
        };
        let path = folder.socket();
        if path.as_os_str().len() > MAX_SOCKET_PATH_BYTES || path.to_str().is_none() {
            let message = format!("{} is too long for a unix socket, or not UTF-8", path.display());
            return Err(Error::usage(message).fix("choose a shorter --data-dir or TMPDIR"));
        }
        let run = folder.path.join("run");
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&run)
            .map_err(|error| Error::io(format!("cannot make {}", run.display()), &error))?;
        if keep && let Some(made) = folder.temporary.take() {
            folder.path = made.keep();
            eprintln!("keeping {}", folder.path.display());
        }
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The daemon's socket.
    fn socket(&self) -> PathBuf {
        self.path.join("run/softkeep.sock")
    }

    /// The socket as an endpoint.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Writes a file that others may read, and gives its path.
    pub fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(|error| Error::io(format!("cannot write {}", path.display()), &error))?;
        Ok(path.display().to_string())
    }

    /// Removes the socket, and the folder if it is temporary.
    pub fn sweep(self) {
        // Usually the daemon has removed it already.
        let _ = fs::remove_file(self.socket());
        if let Some(made) = self.temporary
            && let Err(error) = made.close()
        {
            eprintln!("warning: cannot remove {}: {error}", self.path.display());
        }
    }
}
