//! The data directory's lock: one daemon at a time. What is in the directory is not decided here.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, ErrorCode, Result};

/// Digits of a process id, with room.
const MAX_PID_TEXT_BYTES: u64 = 32;

/// An exclusive hold on a data directory, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    dir: PathBuf,
    /// The kernel lets go of the lock when this is closed.
    _file: File,
}

impl DataDirLock {
    /// Takes `dir` for this process. A directory that another holder has is [`ErrorCode::Conflict`].
    pub fn acquire(dir: &Path) -> Result<Self> {
        let failed = |source: std::io::Error| {
            Error::new(ErrorCode::StoreFailed, format!("cannot lock the data directory '{}'", dir.display()))
                .because(source)
        };
        let path = dir.join("lock");
        // Never truncated before the lock is ours: the file names the holder.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = (&mut file).take(MAX_PID_TEXT_BYTES).read_to_string(&mut holder);
                let detail = format!(
                    "the data directory '{}' is in use by another daemon (pid {})",
                    dir.display(),
                    holder.trim()
                );
                return Err(Error::new(ErrorCode::Conflict, detail));
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), _file: file })
    }

    /// The directory that is held.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_refused_and_told_who() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::acquire(dir.path()).unwrap();
        let error = DataDirLock::acquire(dir.path()).unwrap_err();
        assert_eq!(error.code, ErrorCode::Conflict);
        assert!(error.detail.contains(&dir.path().display().to_string()), "{error}");
        assert!(error.detail.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        DataDirLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn directory_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DataDirLock::acquire(&dir.path().join("none")).unwrap_err().code, ErrorCode::StoreFailed);
    }
}
