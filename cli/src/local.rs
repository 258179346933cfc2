//! What lies beside this program: the daemon, the module, and the lines a shell can paste.

#[cfg(test)]
mod tests;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    config,
    error::{Error, Result},
};

/// The module's file name.
pub const MODULE: &str = "libsoftkeep_pkcs11.so";
/// The daemon's file name.
const DAEMON: &str = "softkeepd";

/// The folder of the running executable, symbolic links resolved.
fn own_folder() -> Option<PathBuf> {
    env::current_exe().ok()?.canonicalize().ok()?.parent().map(Path::to_path_buf)
}

/// The module beside this program, in the `lib` folder next to it, or where `SOFTKEEP_PKCS11_MODULE` says.
pub fn module() -> Option<PathBuf> {
    let folder = own_folder();
    let beside = folder.iter().flat_map(|folder| {
        [folder.join(MODULE), folder.join("../lib").join(MODULE), folder.join("../lib/softkeep").join(MODULE)]
    });
    beside
        .filter(|path| path.is_file())
        .find_map(|path| path.canonicalize().ok())
        .or_else(|| config::variable("SOFTKEEP_PKCS11_MODULE").map(PathBuf::from).filter(|path| path.is_file()))
}

/// The daemon beside this program, else on the PATH.
pub fn daemon() -> Result<PathBuf> {
    own_folder().map(|folder| folder.join(DAEMON)).filter(|path| runnable(path)).or_else(|| on_path(DAEMON)).ok_or_else(
        || {
            Error::local(format!("{DAEMON} is neither beside softkeep nor on the PATH"))
                .fix("cargo build --release --workspace")
        },
    )
}

/// A program on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| runnable(path))
}

fn runnable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// `export NAME='value'`.
pub fn export(name: &str, value: &str) -> String {
    format!("export {name}={}\n", quote(value))
}

/// A text as one word of a POSIX shell.
pub fn quote(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '/' | '.' | '-' | '_' | ':' | '=' | ',' | '+' | '@')
        });
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
