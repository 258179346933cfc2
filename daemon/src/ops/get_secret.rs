//! Tells a secret's value. A disabled version is not told; one that is not valid yet or has expired is, as in Key Vault: an early one to be
//! tried out, a late one to be recovered.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Audited, Operation};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Named, Vault, Version},
        record::{SecretRecord, SecretVersionRecord, VaultRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, SecretRead, VaultName},
    workers::Lane,
};

/// A version of a secret as its callers see it. It has no `Debug`: it may hold the value.
pub struct SecretView {
    /// Its vault.
    pub vault: Arc<VaultRecord>,
    /// Its name and what its versions share.
    pub secret: Arc<SecretRecord>,
    /// The version.
    pub version: Arc<SecretVersionRecord>,
    /// The value, in the answers that tell it.
    pub value: Zeroizing<Vec<u8>>,
}

impl SecretView {
    /// A version without its value.
    pub fn of(vault: &Vault, secret: &Named<SecretRecord>, version: &Arc<SecretVersionRecord>) -> Self {
        Self {
            vault: vault.record.clone(),
            secret: secret.record.clone(),
            version: version.clone(),
            value: Zeroizing::default(),
        }
    }

    /// With it.
    #[must_use]
    pub fn with_value(self, value: Zeroizing<Vec<u8>>) -> Self {
        Self { value, ..self }
    }

    /// One of a vault as it is now, without its value.
    pub fn find(rooms: &Unsealed, vault: Id, name: &str, version: Option<Id>) -> Result<Self> {
        let view = rooms.keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let (secret, version) = find(vault, name, version)?;
        Ok(Self::of(vault, secret, version))
    }
}

/// A version of a secret that is not deleted; no version means the current one. What is there and cannot be read is not "not found".
pub fn find<'a>(
    vault: &'a Vault,
    name: &str,
    version: Option<Id>,
) -> Result<(&'a Named<SecretRecord>, &'a Arc<SecretVersionRecord>)> {
    let damaged = || Error::new(ErrorCode::RecordDamaged, "the secret's stored record fails its integrity check");
    if vault.is_secret_name_damaged(name) {
        return Err(damaged());
    }
    let secret = vault.secrets.get(name).ok_or_else(|| Error::secret_not_found(name))?;
    let found = match version {
        None => secret.current().ok_or_else(damaged)?,
        Some(id) => match secret.version(&id.0) {
            Some(version) => version,
            None if vault.is_damaged(id) => return Err(damaged()),
            None => return Err(Error::secret_not_found(&format!("{name}/{id}"))),
        },
    };
    Ok((secret, found))
}

/// The version that a caller names; what is no identifier names none.
pub fn parse_version(name: &str, version: &str) -> Result<Option<Id>> {
    match version {
        "" => Ok(None),
        text => Id::parse(text).map(Some).map_err(|_| Error::secret_not_found(&format!("{name}/{text}"))),
    }
}

/// Refuses a version that is not to be told.
pub fn check_enabled(version: &SecretVersionRecord) -> Result<()> {
    if version.enabled {
        return Ok(());
    }
    Err(Error::new(ErrorCode::SecretDisabled, "operation get is not allowed on a disabled secret"))
}

/// Which secret.
pub struct GetSecret {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
    /// The version; none means the current one.
    pub version: Option<Id>,
}

impl Operation for GetSecret {
    const NAME: &'static str = "secret.get";
    const PERMISSION: Permission = Permission::GetSecret;
    const AUDITED: Audited = Audited::Use;
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let operation = grant.operation();
        let view = SecretView::find(rooms, grant.vault()?.id, &operation.name, operation.version)?;
        check_enabled(&view.version)?;
        let value = rooms.keys.open_secret(&grant, &view.version)?;
        Ok(view.with_value(value))
    }
}

impl SecretRead for GetSecret {
    fn secret_name(&self) -> &str {
        &self.name
    }
}
