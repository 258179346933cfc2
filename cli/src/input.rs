//! Values of flags that may be in a file.

use std::fs;

use crate::error::{Error, Result};

/// A flag's value as it is, or with `@FILE` what is in the file.
pub fn text_or_file(flag: &str, value: &str) -> Result<String> {
    match value.strip_prefix('@') {
        None => Ok(value.to_owned()),
        Some(path) => {
            fs::read_to_string(path).map_err(|error| Error::io(format!("{flag}: cannot read {path}"), &error))
        }
    }
}
