//! `docs/errors.md` has a row for each code that the module can return, and its second column is what `proto/src/error.rs`
//! says. `UPDATE_EXPECT=1` writes that column anew; a row that is missing has to be written by somebody.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use softkeep_proto::error::ErrorCode;
use softkeep_tests::raw::name;

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The daemon's codes for each CK_RV.
fn of_the_daemon() -> BTreeMap<String, Vec<&'static str>> {
    let codes = (0..=i32::from(u8::MAX)).filter_map(|number| ErrorCode::try_from(number).ok());
    let mut found = BTreeMap::<String, Vec<_>>::new();
    for code in codes.filter(|code| *code != ErrorCode::Unspecified) {
        found.entry(name(code.ck_rv())).or_default().push(code.reason());
    }
    found
}

/// The words beginning with CKR_ between two places of a source.
fn codes_between(source: &str, from: &str, to: &str) -> BTreeSet<String> {
    let rest = source.split_once(from).unwrap_or_else(|| panic!("no `{from}`")).1;
    let block = rest.split_once(to).unwrap_or_else(|| panic!("no `{to}`")).0;
    let words = block.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter(|word| word.starts_with("CKR_") && *word != "CKR_").map(str::to_owned).collect()
}

/// The rows of the first table: the code, and the row's columns.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let table = page.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `CKR_"));
    rows.map(|row| {
        let columns: Vec<String> = row.trim_matches('|').split('|').map(|column| column.trim().to_owned()).collect();
        assert_eq!(columns.len(), 5, "{row}");
        (columns[0].trim_matches('`').to_owned(), columns)
    })
    .collect()
}

#[test]
fn every_code_has_a_row_that_names_the_daemons_codes() {
    let (daemon, page) = (of_the_daemon(), text("docs/errors.md"));
    let column = |code: &str| match daemon.get(code) {
        Some(reasons) => reasons.iter().map(|reason| format!("`{reason}`")).collect::<Vec<_>>().join(", "),
        None => "–".to_owned(),
    };
    let mut expected = page.clone();
    for (code, columns) in rows(&page) {
        let row = |second: &str| format!("| {} | {second} | {} |", columns[0], columns[2..].join(" | "));
        expected = expected.replace(&row(&columns[1]), &row(&column(&code)));
    }
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(file("docs/errors.md"), &expected).unwrap();
    }
    let page = text("docs/errors.md");
    for (is, should_be) in page.lines().zip(expected.lines()) {
        assert_eq!(is, should_be, "UPDATE_EXPECT=1 writes it");
    }
    let listed: Vec<String> = rows(&page).into_iter().map(|(code, _)| code).collect();
    let missing: Vec<_> = daemon.keys().filter(|code| !listed.contains(code)).collect();
    assert!(
        missing.is_empty(),
        "docs/errors.md has no row for {missing:?}: what should operators and applications do?"
    );
    assert!(listed.is_sorted(), "the rows are in alphabetical order");
}

#[test]
fn what_the_module_itself_returns_has_a_row_and_nothing_else_has() {
    let page = text("docs/errors.md");
    let listed: BTreeSet<String> = rows(&page).into_iter().map(|(code, _)| code).collect();
    let (errors, returns) = (text("pkcs11-shim/src/error.rs"), text("pkcs11-shim/src/error/returns.rs"));
    let own = codes_between(&errors, "errors! {\n    S", "\n}");
    let instead = codes_between(&returns, "fn nearest(", "\n/// The code that a function returns");
    let known = codes_between(&returns, "codes! {\n    OK", "\n}");
    let mut possible: BTreeSet<String> = of_the_daemon().into_keys().chain(own).chain(instead.clone()).collect();
    possible.insert("CKR_DEVICE_ERROR".into());
    assert!(possible.len() > 50, "{possible:?}");
    let difference = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(difference(&possible, &listed), Vec::<String>::new(), "codes without a row in docs/errors.md");
    assert_eq!(difference(&listed, &possible), Vec::<String>::new(), "rows in docs/errors.md without a code");
    assert_eq!(difference(&possible, &known), Vec::<String>::new(), "codes that error/returns.rs does not know");
    // The second table is the other one of returns.rs.
    let second = page.split("\n## ").nth(1).unwrap();
    assert_eq!(difference(&instead, &codes_between(&format!("{second}\n}}"), "\n", "\n}")), Vec::<String>::new());
}
