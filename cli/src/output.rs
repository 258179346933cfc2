//! What goes to stdout: one JSON value, queried with JMESPath, in the format asked for. Keys are sorted, as `az` does.

#[cfg(test)]
mod tests;

mod table;
mod yaml;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use jmespath::ast::Ast;
use serde_json::Value;

use crate::error::{Error, Result};

/// The columns of a command's table: heading and JSON pointer. Empty: every plain member.
pub type Columns = &'static [(&'static str, &'static str)];

/// `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON.
    Json,
    /// JSON in colours, on a terminal.
    Jsonc,
    /// A table with a heading.
    Table,
    /// Values separated by tabs, for scripts.
    Tsv,
    /// YAML.
    Yaml,
    /// Nothing.
    None,
}

impl Format {
    /// A format's name in the environment or a file.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        <Self as ValueEnum>::from_str(text, true).map_err(|_| {
            Error::usage(format!("{origin}: no output format '{text}'")).fix("json, jsonc, table, tsv, yaml or none")
        })
    }
}

/// How the answer is printed.
pub struct Printer {
    format: Format,
    query: Option<jmespath::Expression<'static>>,
}

impl Printer {
    /// Reads the query, so that a wrong one stops the command before it does anything.
    pub fn new(format: Format, query: Option<&str>) -> Result<Self> {
        let query = query
            .map(|text| {
                jmespath::compile(text)
                    .map_err(|error| Error::usage(format!("--query: {}", first_line(&error.to_string()))))
            })
            .transpose()?;
        Ok(Self { format, query })
    }

    /// Prints a value on stdout.
    pub fn print(&self, value: Value, columns: Columns) -> Result<()> {
        let text = self.render(value, columns, io::stdout().is_terminal())?;
        write(text.as_bytes())
    }

    /// The text that [`print`](Self::print) prints.
    fn render(&self, value: Value, columns: Columns, terminal: bool) -> Result<String> {
        let (value, columns) = match &self.query {
            None => (value, columns),
            Some(query) => {
                let found = query
                    .search(value)
                    .map_err(|error| Error::usage(format!("--query: {}", first_line(&error.to_string()))))?;
                (serde_json::to_value(&*found).map_err(|error| Error::local(error.to_string()))?, [].as_slice())
            }
        };
        if value.is_null() {
            return Ok(String::new());
        }
        let value = sorted(value);
        let order = self.query.as_ref().and_then(|query| order_of(query.as_ast()));
        Ok(match self.format {
            Format::None => String::new(),
            Format::Jsonc if terminal => colored(&pretty(&value)?),
            Format::Json | Format::Jsonc => pretty(&value)?,
            Format::Yaml => yaml::render(&value),
            Format::Table => match order {
                Some(order) => table::render_as_given(&arranged(value, &order)),
                None => table::render(&value, columns),
            },
            Format::Tsv => tsv(&order.map_or_else(|| value.clone(), |order| arranged(value.clone(), &order))),
        })
    }
}

/// Writes to stdout. A reader that has gone away (`| head`) is not an error.
pub fn write(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::io("cannot write to stdout", &error)),
        _ => Ok(()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn pretty(value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| Error::local(error.to_string()))
}

/// The value with every object's members in alphabetical order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(members.into_iter().map(|(name, member)| (name, sorted(member))).collect())
        }
        plain => plain,
    }
}

/// The names that a query gives its columns, as in `[].{name: name, size: keySize}`, in the order in which they are written.
fn order_of(query: &Ast) -> Option<Vec<String>> {
    match query {
        Ast::MultiHash { elements, .. } => Some(elements.iter().map(|element| element.key.clone()).collect()),
        Ast::Projection { lhs, rhs, .. } | Ast::Subexpr { lhs, rhs, .. } => order_of(rhs).or_else(|| order_of(lhs)),
        Ast::Flatten { node, .. } => order_of(node),
        Ast::Condition { then, .. } => order_of(then),
        Ast::Function { args, .. } => args.iter().find_map(order_of),
        _ => None,
    }
}

/// The value, or each of a list, with its members in this order: columns stand where the query puts them, as in `az`.
fn arranged(value: Value, order: &[String]) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| arranged(item, order)).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by_key(|(name, _)| order.iter().position(|column| column == name));
            Value::Object(members.into_iter().collect())
        }
        plain => plain,
    }
}

/// Names blue, texts green, the rest yellow. `serde_json` prints one member a line, which is all this relies on.
fn colored(text: &str) -> String {
    let paint = |color: u8, part: &str| format!("\x1b[{color}m{part}\x1b[0m");
    let mut out = String::new();
    for line in text.lines() {
        let body = line.trim_start();
        out.push_str(line.get(..line.len() - body.len()).unwrap_or_default());
        let (name, value) = match body.split_once("\": ") {
            Some((name, value)) if name.starts_with('"') => (Some(format!("{name}\"")), value),
            _ => (None, body),
        };
        if let Some(name) = name {
            out.push_str(&paint(34, &name));
            out.push_str(": ");
        }
        let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
        match value.chars().next() {
            Some('"') => out.push_str(&paint(32, value)),
            Some('{' | '}' | '[' | ']') | None => out.push_str(value),
            Some(_) => out.push_str(&paint(33, value)),
        }
        out.push_str(comma);
        out.push('\n');
    }
    out
}

/// A cell as text: nothing for what is nested.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("None".to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(whole(number)),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// JMESPath functions answer with floating-point numbers; `2.0` is a 2.
fn whole(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// One line an item, its plain members separated by tabs; a list inside counts its items, as in `az`.
fn tsv(value: &Value) -> String {
    let cell = |value: &Value| match value {
        Value::Array(items) => items.len().to_string(),
        other => plain(other).unwrap_or_default(),
    };
    let row = |value: &Value| match value {
        Value::Object(members) => members.values().map(cell).collect::<Vec<_>>().join("\t"),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("\t"),
        other => cell(other),
    };
    match value {
        Value::Array(items) => items.iter().map(|item| row(item) + "\n").collect(),
        other => row(other) + "\n",
    }
}
