//! What objects may do and when, and their tags: for new ones, and for changes.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use softkeep_proto::{
    algorithm::KeyOperation,
    v1::{KeyAttributes, SecretAttributes},
};

use crate::{
    azure::needs_azure,
    error::{Error, Result},
    time,
};

/// The operation of Key Vault that only secure key release has.
const EXPORT: &str = "export";

/// Where Key Vault would keep the key. Here it is a label: both are kept the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// Kty without ending.
    Software,
    /// Kty with `-HSM`.
    Hsm,
}

/// Attributes as the services take them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Absent means unchanged, or enabled for something new.
    pub enabled: Option<bool>,
    /// Not usable before.
    pub not_before: Option<i64>,
    /// Not usable after.
    pub expires: Option<i64>,
    /// Tags.
    pub tags: HashMap<String, String>,
}

impl From<Attributes> for KeyAttributes {
    fn from(given: Attributes) -> Self {
        Self { enabled: given.enabled, not_before: given.not_before, expires: given.expires, tags: given.tags }
    }
}

impl From<Attributes> for SecretAttributes {
    fn from(given: Attributes) -> Self {
        Self { enabled: given.enabled, not_before: given.not_before, expires: given.expires, tags: given.tags }
    }
}

/// `--ops`.
#[derive(Args)]
pub struct OperationArgs {
    /// What the key may do; everything its type can if absent
    #[arg(long, num_args = 0.., value_name = "OPERATION", value_parser = operation)]
    ops: Option<Vec<String>>,
}

/// An operation in JWK's spelling.
fn operation(text: &str) -> std::result::Result<String, String> {
    let names = KeyOperation::ALL.map(KeyOperation::name);
    let known = names.into_iter().chain([EXPORT]).find(|name| name.eq_ignore_ascii_case(text));
    known.map(str::to_owned).ok_or_else(|| format!("no operation '{text}'; there are {}", names.join(", ")))
}

impl OperationArgs {
    /// The operations, if any were named.
    pub fn named(&self) -> Result<Option<&[String]>> {
        if self.ops.iter().flatten().any(|name| name == EXPORT) {
            return Err(needs_azure("--ops export"));
        }
        Ok(self.ops.as_deref())
    }
}

/// What a new key may do and when.
#[derive(Args)]
pub struct AttributeArgs {
    #[command(flatten)]
    ops: OperationArgs,
    #[command(flatten)]
    new: NewArgs,
}

impl AttributeArgs {
    /// The operations, in JWK's spelling.
    pub fn operations(&self) -> Vec<String> {
        self.ops.ops.clone().unwrap_or_default()
    }

    /// The attributes as the daemon takes them.
    pub fn attributes(&self) -> Result<KeyAttributes> {
        self.ops.named()?;
        self.new.attributes().map(KeyAttributes::from)
    }
}

/// `--disabled`.
#[derive(Args)]
pub struct DisabledArg {
    /// Create it disabled
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    disabled: Option<bool>,
}

impl DisabledArg {
    /// Whether it is enabled, if that was said.
    pub fn enabled(&self) -> Option<bool> {
        self.disabled.map(|disabled| !disabled)
    }
}

/// Attributes of something new.
#[derive(Args)]
pub struct NewArgs {
    #[command(flatten)]
    disabled: DisabledArg,
    /// Not usable after this time (UTC), e.g. 2026-12-31T23:59:59Z
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    expires: Option<i64>,
    /// Not usable before this time (UTC)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    not_before: Option<i64>,
    #[command(flatten)]
    tags: TagArgs,
}

impl NewArgs {
    /// The attributes.
    pub fn attributes(&self) -> Result<Attributes> {
        in_order(self.not_before, self.expires)?;
        Ok(Attributes {
            enabled: self.disabled.enabled(),
            not_before: self.not_before,
            expires: self.expires,
            tags: self.tags.map()?,
        })
    }
}

fn in_order(from: Option<i64>, until: Option<i64>) -> Result<()> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => Err(Error::usage("--expires is not after --not-before")),
        _ => Ok(()),
    }
}

/// A time to set, or to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct When(Option<i64>);

fn when(text: &str) -> std::result::Result<When, String> {
    if text.is_empty() { Ok(When(None)) } else { time::parse(text).map(|time| When(Some(time))) }
}

/// Changes of attributes.
#[derive(Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    enabled: EnabledArg,
    /// Not usable after this time (UTC); '' takes it away
    #[arg(long, value_name = "TIME", value_parser = when)]
    expires: Option<When>,
    /// Not usable before this time (UTC); '' takes it away
    #[arg(long, value_name = "TIME", value_parser = when)]
    not_before: Option<When>,
    #[command(flatten)]
    tags: TagArgs,
}

impl ChangeArgs {
    /// The attributes, and the names of those that were given.
    pub fn changes(&self) -> Result<(Attributes, Vec<String>)> {
        let (not_before, expires) = (self.not_before.and_then(|when| when.0), self.expires.and_then(|when| when.0));
        in_order(not_before, expires)?;
        let given = [
            ("enabled", self.enabled.enabled.is_some()),
            ("not_before", self.not_before.is_some()),
            ("expires", self.expires.is_some()),
            ("tags", self.tags.tags.is_some()),
        ];
        let mask = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned()).collect();
        Ok((Attributes { enabled: self.enabled.enabled, not_before, expires, tags: self.tags.map()? }, mask))
    }
}

/// `--enabled`.
#[derive(Args)]
pub struct EnabledArg {
    /// Whether it may be used
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub enabled: Option<bool>,
}

/// The field mask of a change, which must change something.
pub fn mask(paths: Vec<String>) -> Result<Option<prost_types::FieldMask>> {
    if paths.is_empty() {
        return Err(Error::usage("nothing to change").fix("--help lists what can be changed"));
    }
    Ok(Some(prost_types::FieldMask { paths }))
}

/// `--tags`.
#[derive(Args)]
pub struct TagArgs {
    /// Tags as name=value, several separated by blanks; '' for none
    #[arg(long, num_args = 0.., value_name = "NAME=VALUE")]
    tags: Option<Vec<String>>,
}

impl TagArgs {
    /// Whether there were any, or none on purpose.
    pub fn given(&self) -> bool {
        self.tags.is_some()
    }

    /// The tags; a name without a value has an empty one, as in `az`.
    pub fn map(&self) -> Result<HashMap<String, String>> {
        let mut map = HashMap::new();
        for tag in self.tags.iter().flatten().filter(|tag| !tag.is_empty()) {
            let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
            if name.is_empty() {
                return Err(Error::usage(format!("--tags '{tag}' has no name")).fix("--tags name=value"));
            }
            if map.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Error::usage(format!("--tags has '{name}' twice")));
            }
        }
        Ok(map)
    }
}
