//! Digests given and digests made.

use super::*;

fn digest(name: &str, given: Option<&str>, input: Option<&Path>) -> Result<Vec<u8>> {
    let message = Message { digest: given.map(str::to_owned), input: input.map(Path::to_path_buf) };
    message.digest(&algorithm(name)?)
}

#[test]
fn a_digest_must_fit_the_algorithm() {
    let zeros = encoding::base64(&[0; 32]);
    assert_eq!(digest("es256", Some(&zeros), None).unwrap(), [0; 32]);
    assert_eq!(digest("ES384", Some(&zeros), None).unwrap_err().exit() as u8, 1);
    assert_eq!(digest("ES257", Some(&zeros), None).unwrap_err().exit() as u8, 2);
}

#[test]
fn files_are_hashed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    for (algorithm, start, length) in [("RS256", 0xba, 32), ("PS384", 0xcb, 48), ("ES512", 0xdd, 64)] {
        let digest = digest(algorithm, None, Some(file.path())).unwrap();
        assert_eq!((digest[0], digest.len()), (start, length), "{algorithm}");
    }
    assert_eq!(digest("RS256", None, Some(Path::new("/nowhere"))).unwrap_err().exit() as u8, 1);
}

#[test]
fn some_take_the_message_itself() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    assert_eq!(digest("eddsa", None, Some(file.path())).unwrap(), b"abc");
    assert_eq!(digest("EdDSA", Some("YWJj"), None).unwrap(), b"abc");
    assert_eq!(digest("rsnull", Some("YWJj"), None).unwrap(), b"abc");
    assert_eq!(digest("RSNULL", None, Some(file.path())).unwrap_err().exit() as u8, 2);
    assert_eq!(digest("HS256", None, Some(file.path())).unwrap(), b"abc");
    assert_eq!(digest("RS256", Some("YWJj"), None).unwrap_err().exit() as u8, 1);
}
