//! `-o table`: a heading, a line of dashes, a row an item. For people; scripts take `tsv` or `json`.

use serde_json::Value;

use super::{Columns, plain};

/// A list as rows, an object as one row.
pub fn render(value: &Value, columns: Columns) -> String {
    let items = items(value);
    let Some(first) = items.first() else {
        return String::new();
    };
    let (headings, rows): (Vec<String>, Vec<Vec<String>>) = if columns.is_empty() || !first.is_object() {
        every_member(&items, true)
    } else {
        let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let row = |item: &&Value| columns.iter().map(|(_, pointer)| cell(item.pointer(pointer))).collect();
        (headings, items.iter().map(row).collect())
    };
    aligned(&headings, &rows)
}

/// The same, with the columns in the order of the members.
pub fn render_as_given(value: &Value) -> String {
    let items = items(value);
    if items.is_empty() {
        return String::new();
    }
    let (headings, rows) = every_member(&items, false);
    aligned(&headings, &rows)
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// Columns as wide as their widest cell, two blanks between them.
fn aligned(headings: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(headings.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut out = line(headings) + &line(&dashes);
    out.extend(rows.iter().map(|row| line(row)));
    out
}

/// Columns from the first item's plain members, `name` before the others if wanted.
fn every_member(items: &[&Value], name_first: bool) -> (Vec<String>, Vec<Vec<String>>) {
    let Some(Value::Object(first)) = items.first() else {
        return (vec!["Result".to_owned()], items.iter().map(|item| vec![cell(Some(item))]).collect());
    };
    let mut names: Vec<&String> =
        first.iter().filter(|(_, value)| plain(value).is_some()).map(|(name, _)| name).collect();
    if name_first {
        names.sort_by_key(|name| *name != "name");
    }
    let row = |item: &&Value| names.iter().map(|name| cell(item.get(name.as_str()))).collect();
    (names.iter().map(|name| heading(name)).collect(), items.iter().map(row).collect())
}

/// `softDelete` as `SoftDelete`.
fn heading(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A value without what could steer the terminal.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(items)) => items.iter().filter_map(plain).collect::<Vec<_>>().join(" "),
        Some(value) => plain(value).unwrap_or_default(),
    }
    .chars()
    .map(|letter| if letter.is_control() { ' ' } else { letter })
    .collect()
}
