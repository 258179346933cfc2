//! Secrets from the user: a file, standard input, a prompt, or, warned about, the command line. They live in
//! `Zeroizing` and have no `Debug`.

#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A secret text.
pub type Secret = Zeroizing<String>;

/// The longest secret that is read; more is a mistake.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A flag's value: `-` is standard input, `@FILE` a file, anything else the secret itself.
pub fn from_flag(flag: &str, value: &str) -> Result<Secret> {
    match value.strip_prefix('@') {
        _ if value == "-" => from_stdin(flag),
        Some(path) => from_file(flag, Path::new(path)),
        None => {
            eprintln!("warning: {flag} on the command line is visible to other users; use @FILE, - or the prompt");
            warn_blank(flag, value);
            Ok(Zeroizing::new(value.to_owned()))
        }
    }
}

/// A flag's value if it was given, as [`from_flag`] reads it; else the answer of whoever sits at the terminal.
pub fn given_or_asked(flag: &str, value: Option<&str>, what: &str, twice: bool) -> Result<Secret> {
    match value {
        Some(value) => from_flag(flag, value),
        None if !io::stdin().is_terminal() => Err(Error::usage(format!("no {what} given and no terminal to ask on"))
            .fix(format!("{flag} @FILE, or {flag} - for standard input"))),
        None => prompt(what, flag, twice),
    }
}

/// A file's content without its last line end; `-` is standard input.
pub fn from_file(flag: &str, path: &Path) -> Result<Secret> {
    if path == Path::new("-") {
        return from_stdin(flag);
    }
    let file =
        fs::File::open(path).map_err(|error| Error::io(format!("{flag}: cannot read {}", path.display()), &error))?;
    read(flag, file)
}

/// Standard input without its last line end.
pub fn from_stdin(flag: &str) -> Result<Secret> {
    read(flag, io::stdin().lock())
}

/// Asks on the terminal; with `twice`, until both answers are the same.
pub fn prompt(what: &str, flag: &str, twice: bool) -> Result<Secret> {
    if !io::stdin().is_terminal() {
        // A password's flag takes the password itself, or a file behind an @; the other flags name files.
        let at = if flag.ends_with("password") { "@" } else { "" };
        return Err(Error::usage(format!("no {what} given and no terminal to ask on"))
            .fix(format!("{flag} {at}FILE, or {flag} -")));
    }
    let ask = |question: String| {
        rpassword::prompt_password(question)
            .map(Zeroizing::new)
            .map_err(|error| Error::io(format!("cannot read the {what}"), &error))
    };
    let secret = ask(format!("{what}: "))?;
    if twice && *ask(format!("{what} again: "))? != *secret {
        return Err(Error::usage(format!("the two {what}s differ")));
    }
    Ok(secret)
}

fn read(flag: &str, source: impl Read) -> Result<Secret> {
    // Reserved whole, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES as usize + 1));
    let length = source.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Error::io(flag, &error))?;
    if length as u64 > MAX_SECRET_BYTES {
        return Err(Error::usage(format!("{flag}: more than {MAX_SECRET_BYTES} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::usage(format!("{flag}: not UTF-8")))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    warn_blank(flag, text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Blanks at the ends count; they are also the usual paste accident.
fn warn_blank(flag: &str, text: &str) {
    if text.trim() != text {
        eprintln!("warning: {flag} begins or ends with a blank, which is kept");
    }
}
