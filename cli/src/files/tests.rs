//! What happens to files that are there, and who may read new ones.

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn existing_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.pem");
    must_be_new("--file", &path).unwrap();
    write_new("--file", &path, b"a", Readers::All).unwrap();
    for error in
        [write_new("--file", &path, b"b", Readers::Owner).unwrap_err(), must_be_new("--file", &path).unwrap_err()]
    {
        assert_eq!(error.exit() as u8, 1);
        assert!(error.message().contains("exists"));
    }
    assert_eq!(*read("--file", &path).unwrap(), b"a");
}

#[test]
fn secrets_are_for_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    write_new("--file", &new, b"secret", Readers::Owner).unwrap();
    assert_eq!(mode(&new), PRIVATE);
    fs::write(&old, "a longer text that was here").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    overwrite("--file", &old, b"secret").unwrap();
    assert_eq!((mode(&old), fs::read(&old).unwrap()), (PRIVATE, b"secret".to_vec()));
}

#[test]
fn links_to_nowhere_are_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(must_be_new("--file", &path).is_err() && write_new("--file", &path, b"a", Readers::All).is_err());
}
