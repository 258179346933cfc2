//! The three flags as az reads them.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Probe {
    #[command(flatten)]
    update: UpdateArgs,
}

fn changes(line: &str) -> Result<Vec<Change>> {
    Probe::try_parse_from(["probe"].into_iter().chain(line.split_whitespace())).unwrap().update.changes()
}

#[test]
fn changes_as_az_has_them() {
    assert_eq!(
        changes("--set a.b=c=d tags.x= --add p.list value=1 value=2 --remove q 3").unwrap(),
        [
            Change::Set("a.b".to_owned(), "c=d".to_owned()),
            Change::Set("tags.x".to_owned(), String::new()),
            Change::Add("p.list".to_owned(), "1".to_owned()),
            Change::Add("p.list".to_owned(), "2".to_owned()),
            Change::Remove("q".to_owned(), Some(3)),
        ]
    );
    for line in ["--set a", "--set =b", "--add a", "--remove a b", "--remove a 1 2"] {
        assert_eq!(changes(line).unwrap_err().exit() as u8, 2, "{line}");
    }
}

#[test]
fn tags_change() {
    let mut tags = HashMap::from([("old".to_owned(), "1".to_owned())]);
    let set = Change::Set("tags.new.part".to_owned(), "2".to_owned());
    assert!(change_tag(&mut tags, &set).unwrap());
    assert_eq!(tags["new.part"], "2");
    assert!(change_tag(&mut tags, &Change::Remove("tags.old".to_owned(), None)).unwrap());
    assert!(change_tag(&mut tags, &Change::Remove("tags.old".to_owned(), None)).is_err(), "it is gone");
    assert!(change_tag(&mut tags, &Change::Add("tags.new".to_owned(), "x".to_owned())).is_err());
    assert!(!change_tag(&mut tags, &Change::Set("properties.x".to_owned(), "y".to_owned())).unwrap());
    assert!(change_tag(&mut tags, &Change::Remove("tags".to_owned(), None)).unwrap());
    assert!(tags.is_empty());
}
