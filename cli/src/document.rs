//! JSON documents on the command line, with members as `az` prints them (`lifetimeActions`) or as Key Vault's own
//! interface and `az`'s library have them (`lifetime_actions`).

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value;

use crate::{
    error::{Error, Result},
    files,
};

/// Reads a flag's document: JSON itself, `@FILE`, a file's name, or `-` for standard input.
pub fn read(flag: &str, given: &str) -> Result<Value> {
    let text = match given.strip_prefix('@') {
        Some(path) => text(flag, Path::new(path))?,
        None if given == "-" || Path::new(given).is_file() => text(flag, Path::new(given))?,
        None => given.to_owned(),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        Error::usage(format!("{flag} is not JSON: {error}")).fix(format!("{flag} '{{…}}', or {flag} @FILE"))
    })?;
    if value.is_object() { Ok(value) } else { Err(Error::usage(format!("{flag} is not a JSON object"))) }
}

fn text(flag: &str, path: &Path) -> Result<String> {
    let bytes = files::read(flag, path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::usage(format!("{flag}: not UTF-8")))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// One object of a document, and what to call it in errors.
#[derive(Clone, Copy)]
pub struct Members<'a> {
    flag: &'a str,
    value: &'a Value,
}

impl<'a> Members<'a> {
    /// The members of an object.
    pub fn of(flag: &'a str, value: &'a Value) -> Self {
        Self { flag, value }
    }

    fn wrong(&self, name: &str, kind: &str) -> Error {
        Error::usage(format!("{}: '{name}' is not {kind}", self.flag))
    }

    /// A member under the first of these names, each also as `snake_case`, that there is; null is nothing.
    fn find(&self, names: &[&str]) -> Option<&'a Value> {
        let spellings = names.iter().flat_map(|name| [(*name).to_owned(), snake(name)]);
        spellings.filter_map(|name| self.value.get(&name)).find(|value| !value.is_null())
    }

    /// The members of a member.
    pub fn object(&self, names: &[&str]) -> Result<Option<Members<'a>>> {
        match self.find(names) {
            None => Ok(None),
            Some(value) if value.is_object() => Ok(Some(Members { flag: self.flag, value })),
            Some(_) => Err(self.wrong(names.first().unwrap_or(&""), "an object")),
        }
    }

    /// A member's objects.
    pub fn objects(&self, names: &[&str]) -> Result<Vec<Members<'a>>> {
        let wrong = || self.wrong(names.first().unwrap_or(&""), "a list of objects");
        let Some(value) = self.find(names) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(wrong)?;
        let objects = items
            .iter()
            .map(|value| if value.is_object() { Ok(Members { flag: self.flag, value }) } else { Err(wrong()) });
        objects.collect()
    }

    /// A text; empty if absent.
    pub fn text(&self, names: &[&str]) -> Result<String> {
        match self.find(names) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.wrong(names.first().unwrap_or(&""), "a text")),
        }
    }

    /// Texts; none if absent.
    pub fn texts(&self, names: &[&str]) -> Result<Vec<String>> {
        let wrong = || self.wrong(names.first().unwrap_or(&""), "a list of texts");
        let Some(value) = self.find(names) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(wrong)?;
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    /// A number; 0 if absent.
    pub fn number(&self, names: &[&str]) -> Result<u32> {
        self.number_if_any(names).map(Option::unwrap_or_default)
    }

    /// A number, where 0 and none are different things.
    pub fn number_if_any(&self, names: &[&str]) -> Result<Option<u32>> {
        let Some(value) = self.find(names) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.wrong(names.first().unwrap_or(&""), "a number"))
    }

    /// True or false.
    pub fn flag(&self, names: &[&str]) -> Result<Option<bool>> {
        match self.find(names) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(names.first().unwrap_or(&""), "true or false")),
        }
    }

    /// Whether the member is itself a text, where some documents have an object.
    pub fn is_text(&self, names: &[&str]) -> bool {
        self.find(names).is_some_and(Value::is_string)
    }
}

/// `lifetimeActions` as `lifetime_actions`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
