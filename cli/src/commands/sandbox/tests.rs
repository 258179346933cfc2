//! The folder and its files.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

#[test]
fn a_temporary_folder_comes_and_goes() {
    let folder = Folder::make(None, false).unwrap();
    let path = folder.path().to_path_buf();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o711);
    assert!(path.file_name().unwrap().to_string_lossy().starts_with("softkeep-run."));
    assert_eq!(folder.endpoint(), format!("unix://{}/run/softkeep.sock", path.display()));
    folder.write("x", "y").unwrap();
    folder.sweep();
    assert!(!path.exists());
}

#[test]
fn a_kept_or_named_folder_stays() {
    let kept = Folder::make(None, true).unwrap();
    let path = kept.path().to_path_buf();
    kept.sweep();
    assert!(path.exists());
    let named = Folder::make(Some(&path.join("a/b")), false).unwrap();
    named.sweep();
    assert!(path.join("a/b").exists());
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_long_path_is_refused_before_anything_starts() {
    let base = tempfile::tempdir().unwrap();
    let long = base.path().join("x".repeat(100));
    assert_eq!(Folder::make(Some(&long), false).err().unwrap().exit() as u8, 2);
}

#[test]
fn users_and_java() {
    assert!(user("me:secret".to_owned()).is_ok());
    assert!(user("me".to_owned()).is_err());
    assert!(user(":x".to_owned()).is_err());
    let expected = "name = Softkeep\nlibrary = /m.so\nslot = 0\n";
    assert_eq!(java_config("/m.so"), expected);
}
