//! Each format, with and without a query.

use serde_json::json;

use super::*;

fn check(format: Format, query: Option<&str>, columns: Columns, expected: &str) {
    let value = json!([
        {"name": "web", "kid": "https://x/keys/web", "attributes": {"enabled": true, "expires": null}, "size": 2048},
        {"name": "a b", "kid": "k", "attributes": {"enabled": false, "expires": "2026"}, "size": null},
    ]);
    let printer = Printer::new(format, query).unwrap();
    assert_eq!(printer.render(value, columns, false).unwrap(), expected, "{format:?} {query:?}");
}

#[test]
fn json_is_sorted() {
    check(Format::Json, Some("[0].{b: name, a: size}"), &[], "{\n  \"a\": 2048,\n  \"b\": \"web\"\n}\n");
    check(Format::Json, Some("[].name"), &[], "[\n  \"web\",\n  \"a b\"\n]\n");
    check(Format::Json, Some("nothing"), &[], "");
    check(Format::Jsonc, Some("[0].name"), &[], "\"web\"\n");
    check(Format::None, None, &[], "");
}

#[test]
fn tsv() {
    check(Format::Tsv, Some("[].[name, size]"), &[], "web\t2048\na b\tNone\n");
    check(Format::Tsv, Some("[0].attributes.enabled"), &[], "true\n");
    check(Format::Tsv, Some("[0].name"), &[], "web\n");
    check(Format::Tsv, Some("length(@)"), &[], "2\n");
}

#[test]
fn table() {
    const COLUMNS: Columns = &[("Name", "/name"), ("Enabled", "/attributes/enabled")];
    check(Format::Table, None, COLUMNS, "Name  Enabled\n----  -------\nweb   true\na b   false\n");
    check(
        Format::Table,
        None,
        &[],
        "Name  Kid                 Size\n----  ------------------  ----\nweb   https://x/keys/web  2048\na b   k\n",
    );
    check(Format::Table, Some("[].name"), COLUMNS, "Result\n------\nweb\na b\n");
    check(Format::Table, Some("[?size == `1`]"), COLUMNS, "");
}

#[test]
fn yaml() {
    check(
        Format::Yaml,
        None,
        &[],
        "-\n  attributes:\n    enabled: true\n    expires: null\n  kid: \"https://x/keys/web\"\n  name: web\n  size: 2048\n\
         -\n  attributes:\n    enabled: false\n    expires: \"2026\"\n  kid: k\n  name: \"a b\"\n  size: null\n",
    );
    let empty = json!({"a": [], "yes": {}, "b": "no", "c": "x: y"});
    let printer = Printer::new(Format::Yaml, None).unwrap();
    assert_eq!(printer.render(empty, &[], false).unwrap(), "a: []\nb: \"no\"\nc: \"x: y\"\n\"yes\": {}\n");
}

#[test]
fn columns_stand_where_the_query_puts_them() {
    let items = json!([{"name": "web", "size": 2048, "on": true}, {"name": "db", "size": null, "on": false}]);
    let shown = |format, query| Printer::new(format, Some(query)).unwrap().render(items.clone(), &[], false).unwrap();
    assert_eq!(shown(Format::Tsv, "[].{size: size, name: name, on: on}"), "2048\tweb\ttrue\nNone\tdb\tfalse\n");
    assert_eq!(shown(Format::Tsv, "sort_by([].{z: name, a: on}, &z)"), "db\tfalse\nweb\ttrue\n");
    assert_eq!(shown(Format::Tsv, "[?on].{z: name, a: size} | [0]"), "web\t2048\n");
    let table = shown(Format::Table, "[].{Size: size, name: name}");
    assert!(table.starts_with("Size  Name\n"), "{table}");
    // JSON stays sorted.
    assert!(shown(Format::Json, "[0].{z: name, a: size}").starts_with("{\n  \"a\""));
}

#[test]
fn colours_only_on_a_terminal() {
    let printer = Printer::new(Format::Jsonc, None).unwrap();
    let value = json!({"a": "x", "b": [1, null]});
    assert!(!printer.render(value.clone(), &[], false).unwrap().contains('\x1b'));
    let colored = printer.render(value.clone(), &[], true).unwrap();
    let mut plain = colored;
    for code in ["\x1b[34m", "\x1b[32m", "\x1b[33m", "\x1b[0m"] {
        assert!(plain.contains(code));
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, pretty(&value).unwrap());
}

#[test]
fn a_wrong_query_is_a_usage_error() {
    assert_eq!(Printer::new(Format::Json, Some("[")).err().unwrap().exit() as u8, 2);
    assert_eq!(Format::parse("xml", "SOFTKEEP_OUTPUT").unwrap_err().exit() as u8, 2);
    assert_eq!(Format::parse("TSV", "SOFTKEEP_OUTPUT").unwrap(), Format::Tsv);
}
