//! Attributes of new things, and changes.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Probe<T: Args> {
    #[command(flatten)]
    args: T,
}

fn probe<T: Args>(words: &[&str]) -> T {
    Probe::<T>::try_parse_from(["probe"].iter().chain(words)).unwrap().args
}

fn new(line: &str) -> AttributeArgs {
    probe(&line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn of_new_keys() {
    let args = new("--ops Sign WRAPKEY --disabled --tags a=b=c d --expires 2027-01-01");
    assert_eq!(args.operations(), ["sign", "wrapKey"]);
    let attributes = args.attributes().unwrap();
    assert_eq!(attributes.enabled, Some(false));
    assert_eq!(attributes.tags.get("a").map(String::as_str), Some("b=c"));
    assert_eq!(attributes.tags.get("d").map(String::as_str), Some(""));
    assert_eq!(new("").attributes().unwrap().enabled, None);
    assert_eq!(new("--disabled false").attributes().unwrap().enabled, Some(true));
    for line in ["--tags =x", "--tags a=1 a=2", "--not-before 2027-01-01 --expires 2026-01-01"] {
        assert_eq!(new(line).attributes().unwrap_err().exit() as u8, 2, "{line}");
    }
    assert!(new("--ops sign export").attributes().unwrap_err().render().contains("NEEDS_AZURE"));
}

#[test]
fn only_what_is_given_changes() {
    let changes = |words: &[&str]| probe::<ChangeArgs>(words).changes().unwrap();
    assert_eq!(changes(&[]), (Attributes::default(), vec![]));
    let (attributes, names) = changes(&["--enabled", "false", "--expires", "1970-01-01T00:01:00Z"]);
    assert_eq!((attributes.enabled, attributes.expires), (Some(false), Some(60)));
    assert_eq!(names, ["enabled", "expires"]);
    let (attributes, names) = changes(&["--expires", "", "--not-before", "", "--tags", ""]);
    assert_eq!((attributes, names.len()), (Attributes::default(), 3));
    assert_eq!(changes(&["--tags"]).1, ["tags"]);
    assert_eq!(mask(vec![]).unwrap_err().exit() as u8, 2);
}

#[test]
fn no_operation_is_also_a_choice() {
    assert_eq!(probe::<OperationArgs>(&[]).named().unwrap(), None);
    assert_eq!(probe::<OperationArgs>(&["--ops"]).named().unwrap(), Some([].as_slice()));
}
