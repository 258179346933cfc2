//! Documents in both spellings, and what is not one.

use super::*;

#[test]
fn both_spellings_are_read() {
    for text in [
        r#"{"someThing": {"aList": ["x"], "count": 3, "on": true}, "none": null}"#,
        r#"{"some_thing": {"a_list": ["x"], "count": 3, "on": true}}"#,
    ] {
        let value = read("--value", text).unwrap();
        let inner = Members::of("--value", &value).object(&["someThing"]).unwrap().unwrap();
        assert_eq!(inner.texts(&["aList"]).unwrap(), ["x"]);
        assert_eq!((inner.number(&["count"]).unwrap(), inner.flag(&["on"]).unwrap()), (3, Some(true)));
        assert!(Members::of("--value", &value).object(&["none"]).unwrap().is_none());
    }
}

#[test]
fn files_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "\u{feff}{\"a\": \"b\"}\n").unwrap();
    let path = file.path().to_str().unwrap();
    for given in [path.to_owned(), format!("@{path}")] {
        let value = read("--policy", &given).unwrap();
        assert_eq!(Members::of("--policy", &value).text(&["a"]).unwrap(), "b");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for given in ["", "{", "[]", "nofile.json", "\"text\""] {
        assert_eq!(read("--policy", given).unwrap_err().exit() as u8, 2, "{given}");
    }
    let value = read("--policy", r#"{"a": 1, "b": "x", "c": -1, "d": [1]}"#).unwrap();
    let members = Members::of("--policy", &value);
    let errors = [
        members.text(&["a"]).err(),
        members.object(&["b"]).err(),
        members.number(&["c"]).err(),
        members.texts(&["d"]).err(),
        members.objects(&["d"]).err(),
        members.flag(&["b"]).err(),
    ];
    for error in errors {
        assert!(error.unwrap().message().starts_with("--policy: '"));
    }
}
