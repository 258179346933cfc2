//! How a file becomes a secret's value and back. A value is a text; what is not one goes through base64 or hex.

#[cfg(test)]
mod tests;

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::{
    encoding,
    error::{Error, Result},
};

/// The tag that remembers the encoding, as az has it.
pub const TAG: &str = "file-encoding";

/// The encoding of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FileEncoding {
    /// UTF-8.
    #[default]
    #[value(name = "utf-8")]
    Utf8,
    /// UTF-16, little end first.
    #[value(name = "utf-16le")]
    Utf16Le,
    /// UTF-16, big end first.
    #[value(name = "utf-16be")]
    Utf16Be,
    /// ASCII.
    Ascii,
    /// Any bytes; the value is their base64.
    Base64,
    /// Any bytes; the value is their hex.
    Hex,
}

impl FileEncoding {
    /// az's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Ascii => "ascii",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// The encoding of a tag.
    pub fn of_tag(tag: Option<&String>) -> Result<Self> {
        let Some(tag) = tag else { return Ok(Self::default()) };
        <Self as ValueEnum>::from_str(tag, true).map_err(|_| {
            Error::local(format!("the secret's tag {TAG} is '{tag}', which is no encoding known here"))
                .fix("say which one with --encoding")
        })
    }

    /// The secret's value of a file's content, to the last byte.
    pub fn value(self, content: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || Error::usage(format!("--file is not {}", self.name())).fix("--encoding base64 takes any bytes");
        let text = match self {
            Self::Utf8 => std::str::from_utf8(content).map_err(|_| wrong())?.to_owned(),
            Self::Ascii if content.is_ascii() => String::from_utf8_lossy(content).into_owned(),
            Self::Ascii => return Err(wrong()),
            Self::Utf16Le => utf16(content, u16::from_le_bytes).ok_or_else(wrong)?,
            Self::Utf16Be => utf16(content, u16::from_be_bytes).ok_or_else(wrong)?,
            Self::Base64 => encoding::base64(content),
            Self::Hex => encoding::hex(content),
        };
        Ok(Zeroizing::new(text.into_bytes()))
    }

    /// The file's content of a secret's value.
    pub fn content(self, value: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || {
            Error::local(format!("the secret's value cannot be written as {}", self.name()))
                .fix("another --encoding; utf-8 writes the value as it is")
        };
        let text = || std::str::from_utf8(value).map_err(|_| wrong());
        // az breaks base64 into lines.
        let packed = || {
            let letters = text()?.chars().filter(|letter| !letter.is_ascii_whitespace());
            Ok::<_, Error>(Zeroizing::new(letters.collect::<String>()))
        };
        match self {
            Self::Utf8 => Ok(Zeroizing::new(value.to_vec())),
            Self::Ascii if value.is_ascii() => Ok(Zeroizing::new(value.to_vec())),
            Self::Ascii => Err(wrong()),
            Self::Utf16Le => Ok(Zeroizing::new(text()?.encode_utf16().flat_map(u16::to_le_bytes).collect())),
            Self::Utf16Be => Ok(Zeroizing::new(text()?.encode_utf16().flat_map(u16::to_be_bytes).collect())),
            Self::Base64 => encoding::from_base64("value", &packed()?).map_err(|_| wrong()),
            Self::Hex => encoding::from_hex("value", &packed()?).map(Zeroizing::new).map_err(|_| wrong()),
        }
    }
}

/// A text of two bytes a unit; `None` if it is not one.
fn utf16(content: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = content.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    if rest.is_empty() { char::decode_utf16(units).collect::<std::result::Result<_, _>>().ok() } else { None }
}
