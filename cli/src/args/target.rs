//! What a command is about: a vault, an object in it, one of its versions. By names, or by Key Vault's identifiers.

#[cfg(test)]
mod tests;

use clap::Args;
use softkeep_proto::v1::KeyRef;

use crate::{
    azure::HsmArg,
    config::Settings,
    error::{Error, Result},
    identifier::{Collection, Identifier},
};

/// `--vault-name`.
#[derive(Args)]
pub struct VaultArg {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    pub vault_name: Option<String>,
}

/// A vault, also by its URL.
#[derive(Args)]
pub struct VaultTarget {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    vault_name: Option<String>,
    /// The vault's URL, https://VAULT.suffix, instead of --vault-name
    #[arg(long, value_name = "URL", conflicts_with = "vault_name")]
    id: Option<String>,
}

impl VaultTarget {
    /// The vault's name.
    pub fn resolve(&self, settings: &Settings) -> Result<String> {
        match &self.id {
            Some(id) => Ok(Identifier::parse(id)?.vault),
            None => settings.vault(self.vault_name.as_deref()),
        }
    }
}

/// A vault whose keys are meant.
#[derive(Args)]
pub struct KeysTarget {
    #[command(flatten)]
    target: VaultTarget,
    #[command(flatten)]
    hsm: HsmArg,
}

impl KeysTarget {
    /// The vault's name.
    pub fn resolve(&self, settings: &Settings) -> Result<String> {
        self.hsm.refuse()?;
        self.target.resolve(settings)
    }
}

/// A key, a secret or a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its vault.
    pub vault: String,
    /// Its name there.
    pub name: String,
    /// 32 hex digits; empty means the current version.
    pub version: String,
}

impl Object {
    /// The object, where the verb takes all of it: nobody should lose all versions who named one.
    pub fn whole(self, done: &str) -> Result<Self> {
        if self.version.is_empty() {
            return Ok(self);
        }
        Err(Error::usage(format!("a version cannot be {done} alone"))
            .fix("leave the version out of --id to mean all versions"))
    }
}

impl From<Object> for KeyRef {
    fn from(object: Object) -> Self {
        Self { vault: object.vault, name: object.name, version: object.version }
    }
}

/// An object, by vault and name or by its identifier.
#[derive(Args)]
pub struct ObjectTarget {
    /// Vault [env: SOFTKEEP_VAULT]
    #[arg(long, value_name = "VAULT")]
    vault_name: Option<String>,
    /// Name
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// The identifier, https://VAULT.suffix/COLLECTION/NAME/VERSION, instead of --vault-name and --name
    #[arg(long, value_name = "URL", conflicts_with_all = ["vault_name", "name"])]
    id: Option<String>,
}

impl ObjectTarget {
    /// The object, with the version its identifier has.
    pub fn resolve(&self, collection: Collection, settings: &Settings) -> Result<Object> {
        let noun = collection.noun();
        let Some(id) = &self.id else {
            let name = self
                .name
                .clone()
                .ok_or_else(|| Error::usage(format!("no {noun} named")).fix("--name NAME, or --id URL"))?;
            return Ok(Object { vault: settings.vault(self.vault_name.as_deref())?, name, version: String::new() });
        };
        let id = Identifier::parse(id)?;
        let name = id.name.ok_or_else(|| Error::usage(format!("--id names a vault, not a {noun}")))?;
        if id.collection != Some(collection) {
            let fix = format!("an id looks like https://VAULT.suffix/{}/NAME/VERSION", collection.name());
            return Err(Error::usage(format!("--id is not the id of a {noun}")).fix(fix));
        }
        Ok(Object { vault: id.vault, name, version: id.version.unwrap_or_default() })
    }
}

/// An object and perhaps one of its versions.
#[derive(Args)]
pub struct ObjectVersionTarget {
    #[command(flatten)]
    target: ObjectTarget,
    #[command(flatten)]
    version: VersionArg,
}

impl ObjectVersionTarget {
    /// The object and version.
    pub fn resolve(&self, collection: Collection, settings: &Settings) -> Result<Object> {
        self.version.choose(self.target.resolve(collection, settings)?)
    }
}

/// `--version`.
#[derive(Args)]
struct VersionArg {
    /// Version; the current one if absent
    #[arg(long, short = 'v')]
    version: Option<String>,
}

impl VersionArg {
    fn choose(&self, mut object: Object) -> Result<Object> {
        if let Some(version) = &self.version {
            if !object.version.is_empty() && !object.version.eq_ignore_ascii_case(version) {
                return Err(Error::usage("--version and --id name different versions").fix("leave --version out"));
            }
            object.version = version.to_ascii_lowercase();
        }
        Ok(object)
    }
}

/// A key, by vault and name or by its identifier.
#[derive(Args)]
pub struct KeyTarget {
    #[command(flatten)]
    target: ObjectTarget,
    #[command(flatten)]
    hsm: HsmArg,
}

impl KeyTarget {
    /// The vault, for a verb that finds the names elsewhere.
    pub fn vault_alone(&self, settings: &Settings) -> Result<String> {
        self.hsm.refuse()?;
        if self.target.name.is_some() || self.target.id.is_some() {
            return Err(Error::usage("--name and --id are for one key").fix("leave them out; --vault-name stays"));
        }
        settings.vault(self.target.vault_name.as_deref())
    }

    /// The key, with the version its identifier has.
    pub fn object(&self, settings: &Settings) -> Result<Object> {
        self.hsm.refuse()?;
        self.target.resolve(Collection::Keys, settings)
    }

    /// The same as the data plane names it.
    pub fn resolve(&self, settings: &Settings) -> Result<KeyRef> {
        self.object(settings).map(KeyRef::from)
    }
}

/// A key and perhaps one of its versions.
#[derive(Args)]
pub struct VersionTarget {
    #[command(flatten)]
    target: KeyTarget,
    #[command(flatten)]
    version: VersionArg,
}

impl VersionTarget {
    /// The key and version.
    pub fn resolve(&self, settings: &Settings) -> Result<KeyRef> {
        self.version.choose(self.target.object(settings)?).map(KeyRef::from)
    }
}
