//! Files that become values and files again.

use super::*;

fn check(encoding: FileEncoding, content: &[u8], value: &str) {
    assert_eq!(encoding.value(content).unwrap().as_slice(), value.as_bytes(), "{encoding:?}");
    assert_eq!(encoding.content(value.as_bytes()).unwrap().as_slice(), content, "{encoding:?}");
    assert_eq!(FileEncoding::of_tag(Some(&encoding.name().to_owned())).unwrap(), encoding);
}

#[test]
fn every_byte_comes_back() {
    check(FileEncoding::Utf8, "ä blank \r\n".as_bytes(), "ä blank \r\n");
    check(FileEncoding::Ascii, b" a\n", " a\n");
    check(FileEncoding::Utf16Le, b"a\0\xe4\0", "aä");
    check(FileEncoding::Utf16Be, b"\xd8\x3d\xde\x00", "\u{1f600}");
    check(FileEncoding::Base64, &[0, 255, 10], "AP8K");
    check(FileEncoding::Hex, &[0, 255, 10], "00ff0a");
}

#[test]
fn lines_of_base64_are_read() {
    assert_eq!(FileEncoding::Base64.content(b"AP8K\nAP8=\n").unwrap().as_slice(), [0, 255, 10, 0, 255]);
    assert_eq!(FileEncoding::of_tag(None).unwrap(), FileEncoding::Utf8);
}

#[test]
fn what_does_not_fit_is_refused() {
    for (encoding, content) in [
        (FileEncoding::Utf8, &b"\xff"[..]),
        (FileEncoding::Ascii, "ä".as_bytes()),
        (FileEncoding::Utf16Le, b"a"),
        (FileEncoding::Utf16Be, b"\xd8\x3d"),
    ] {
        assert_eq!(encoding.value(content).unwrap_err().exit() as u8, 2, "{encoding:?}");
    }
    for (encoding, value) in
        [(FileEncoding::Ascii, "ä"), (FileEncoding::Base64, "ä"), (FileEncoding::Hex, "abc"), (FileEncoding::Hex, "xy")]
    {
        assert_eq!(encoding.content(value.as_bytes()).unwrap_err().exit() as u8, 1, "{encoding:?}");
    }
    assert!(FileEncoding::of_tag(Some(&"ebcdic".to_owned())).is_err());
}
