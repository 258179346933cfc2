//! `--set`, `--add` and `--remove`: az changes any property by its path. Here each path has to be one that can be
//! changed; any other is refused by name.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::error::{Error, Result};

/// The flags.
#[derive(clap::Args)]
pub struct UpdateArgs {
    /// Set a property by its path, e.g. tags.team=red or properties.enabledForDeployment=true
    #[arg(long, num_args = 1.., value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Add to a list: a path, then value=TEXT
    #[arg(long, num_args = 1.., value_name = "PATH VALUE")]
    add: Vec<String>,
    /// Remove a property, or from a list by its place
    #[arg(long, num_args = 1.., value_name = "PATH")]
    remove: Vec<String>,
    /// Accepted for az's sake: values stay texts where a text is wanted
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    force_string: Option<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `--set path=value`.
    Set(String, String),
    /// `--add path value=text`.
    Add(String, String),
    /// `--remove path [index]`.
    Remove(String, Option<usize>),
}

impl UpdateArgs {
    /// The changes, in az's order: what is set, what is added, what is removed.
    pub fn changes(&self) -> Result<Vec<Change>> {
        // Nothing is turned into anything but a text before its path is known.
        let _ = &self.force_string;
        let mut changes = Vec::new();
        for text in &self.set {
            let (path, value) = text
                .split_once('=')
                .filter(|(path, _)| !path.is_empty())
                .ok_or_else(|| Error::usage(format!("--set '{text}' has no '='")).fix("--set path=value"))?;
            changes.push(Change::Set(path.to_owned(), value.to_owned()));
        }
        if let Some((path, values)) = self.add.split_first() {
            if values.is_empty() {
                return Err(Error::usage(format!("--add {path} adds nothing")).fix("--add PATH value=TEXT"));
            }
            for value in values {
                let value = value.split_once('=').map_or(value.as_str(), |(_, value)| value);
                changes.push(Change::Add(path.clone(), value.to_owned()));
            }
        }
        if let Some((path, rest)) = self.remove.split_first() {
            let index = match rest {
                [] => None,
                [index] => Some(index.parse().map_err(|_| {
                    Error::usage(format!("--remove {path} {index}: not a place in a list")).fix("--remove PATH 0")
                })?),
                _ => return Err(Error::usage("--remove takes one path and perhaps a place").fix("--remove PATH 0")),
            };
            changes.push(Change::Remove(path.clone(), index));
        }
        Ok(changes)
    }
}

impl Change {
    /// The path.
    pub fn path(&self) -> &str {
        match self {
            Self::Set(path, _) | Self::Add(path, _) | Self::Remove(path, _) => path,
        }
    }

    /// The error for a path that nothing here has, or that cannot be changed this way.
    pub fn refused(&self, known: &str) -> Error {
        let flag = match self {
            Self::Set(..) => "--set",
            Self::Add(..) => "--add",
            Self::Remove(..) => "--remove",
        };
        Error::usage(format!("{flag} {}: this cannot be changed", self.path())).fix(format!("what can be: {known}"))
    }
}

/// Applies a change of `tags.NAME`; false if it is about something else.
pub fn change_tag(tags: &mut HashMap<String, String>, change: &Change) -> Result<bool> {
    if change.path() == "tags" && matches!(change, Change::Remove(_, None)) {
        tags.clear();
        return Ok(true);
    }
    let Some(name) = change.path().strip_prefix("tags.").filter(|name| !name.is_empty()) else {
        return Ok(false);
    };
    match change {
        Change::Set(_, value) => {
            tags.insert(name.to_owned(), value.clone());
        }
        Change::Remove(_, None) => {
            tags.remove(name)
                .ok_or_else(|| Error::usage(format!("--remove {}: there is no such tag", change.path())))?;
        }
        Change::Add(..) | Change::Remove(..) => return Err(change.refused("--set tags.name=value, --remove tags.name")),
    }
    Ok(true)
}

/// A value that is true or false.
pub fn boolean(change: &Change, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::usage(format!("--set {}={value}: neither true nor false", change.path()))),
    }
}
