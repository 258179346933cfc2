//! Files lose one line end and nothing else.

use super::*;

fn check(content: &[u8], expected: Option<&str>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let by_path = from_file("--pin-file", file.path());
    let by_flag = from_flag("--pin", &format!("@{}", file.path().display()));
    match expected {
        Some(expected) => {
            assert_eq!(by_path.unwrap().as_str(), expected);
            assert_eq!(by_flag.unwrap().as_str(), expected);
        }
        None => {
            assert_eq!(by_path.unwrap_err().exit() as u8, 2);
            assert!(by_flag.is_err());
        }
    }
}

#[test]
fn files() {
    check(b"1234", Some("1234"));
    check(b"1234\n", Some("1234"));
    check(b"1234\r\n", Some("1234"));
    check(b"1234\n\n", Some("1234\n"));
    check(b"hVFkk965BuUv \n", Some("hVFkk965BuUv "));
    check(b"\xff", None);
    check(&vec![b'x'; 64 * 1024 + 1], None);
}

#[test]
fn others() {
    assert_eq!(from_flag("--pin", "1234").unwrap().as_str(), "1234");
    assert_eq!(from_file("--pin-file", Path::new("/nowhere/pin")).unwrap_err().exit() as u8, 1);
}
