//! Digests given and digests made.

use super::*;

fn message(digest: Option<&str>, input: Option<&Path>) -> Message {
    Message { digest: digest.map(str::to_owned), input: input.map(Path::to_path_buf) }
}

#[test]
fn a_digest_must_fit_the_algorithm() {
    let zeros = encoding::base64(&[0; 32]);
    assert_eq!(message(Some(&zeros), None).digest("es256").unwrap(), [0; 32]);
    assert_eq!(message(Some(&zeros), None).digest("ES384").unwrap_err().exit() as u8, 1);
    assert_eq!(message(Some(&zeros), None).digest("ES257").unwrap_err().exit() as u8, 2);
}

#[test]
fn files_are_hashed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    for (algorithm, start, length) in [("RS256", 0xba, 32), ("PS384", 0xcb, 48), ("ES512", 0xdd, 64)] {
        let digest = message(None, Some(file.path())).digest(algorithm).unwrap();
        assert_eq!((digest[0], digest.len()), (start, length), "{algorithm}");
    }
    assert_eq!(message(None, Some(Path::new("/nowhere"))).digest("RS256").unwrap_err().exit() as u8, 1);
}

#[test]
fn existing_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.pem");
    write_new("--file", &path, b"a").unwrap();
    assert_eq!(write_new("--file", &path, b"b").unwrap_err().exit() as u8, 1);
    assert_eq!(std::fs::read(&path).unwrap(), b"a");
}
