//! Files that commands write: never over another one by accident, and readable by their owner alone where they hold
//! a secret.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    output,
};

/// Permissions of a file with a secret.
const PRIVATE: u32 = 0o600;

/// The largest file that is read whole: above every backup, certificate chain and secret; more is a mistake.
const MAX_FILE_BYTES: u64 = 3 * 1024 * 1024;

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the umask allows.
    All,
    /// The owner.
    Owner,
}

/// Writes a file that must not exist, as az does; `-` is standard output.
pub fn write_new(flag: &str, path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    if path.as_os_str() == "-" {
        return output::write(bytes);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if readers == Readers::Owner {
        options.mode(PRIVATE);
    }
    match options.open(path) {
        Ok(mut file) => file.write_all(bytes).map_err(|error| {
            // Half a file would pass for a whole one, and stand in the way of the next attempt.
            let _ = fs::remove_file(path);
            failed(flag, path, &error)
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::local(format!("{flag}: {} exists", path.display())).fix("choose another name, or remove it"))
        }
        Err(error) => Err(failed(flag, path, &error)),
    }
}

/// Writes a file with a secret, over one that may be there.
pub fn overwrite(flag: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(path)?;
        if file.metadata()?.is_file() {
            // One that was there has the permissions it had.
            file.set_permissions(fs::Permissions::from_mode(PRIVATE))?;
        }
        file.write_all(bytes)
    };
    write().map_err(|error| failed(flag, path, &error))
}

/// Writes a file, replacing one that exists.
pub fn write(flag: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| failed(flag, path, &error))
}

fn failed(flag: &str, path: &Path, error: &io::Error) -> Error {
    Error::io(format!("{flag}: cannot write {}", path.display()), error)
}

/// Refuses a file that is there before anything is asked of the daemon.
pub fn must_be_new(flag: &str, path: &Path) -> Result<()> {
    if path.as_os_str() != "-" && path.symlink_metadata().is_ok() {
        return Err(Error::local(format!("{flag}: {} exists", path.display())).fix("choose another name, or remove it"));
    }
    Ok(())
}

/// A file's bytes, all of them; `-` is standard input.
pub fn read(flag: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    if path.as_os_str() == "-" {
        return read_all(flag, io::stdin().lock());
    }
    let file =
        File::open(path).map_err(|error| Error::io(format!("{flag}: cannot read {}", path.display()), &error))?;
    read_all(flag, file)
}

fn read_all(flag: &str, source: impl Read) -> Result<Zeroizing<Vec<u8>>> {
    // Reserved whole, so that growing leaves no copy of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Error::io(flag, &error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::usage(format!("{flag}: more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}
