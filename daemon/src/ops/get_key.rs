//! Shows a version of a key: its public half and its attributes.

use std::sync::Arc;

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    id::Id,
    keys::{
        catalog::Version,
        record::{KeyRecord, VaultRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName},
    workers::Lane,
};

/// Which version.
pub struct GetKey(pub VaultName, pub KeyName);

/// A version with what it belongs to.
#[derive(Clone)]
pub struct KeyView {
    /// Its vault.
    pub vault: Arc<VaultRecord>,
    /// Its key.
    pub key: Arc<KeyRecord>,
    /// Itself.
    pub version: Arc<Version>,
}

impl GetKey {
    /// The view of a version that is known to be there.
    pub fn show(rooms: &Unsealed, vault: Id, version: Id) -> Result<KeyView> {
        let view = rooms.keys.catalog.view();
        let found = view.vault(vault).and_then(|vault| {
            let version = vault.version(version)?;
            let key = vault.key(&version.record.key)?;
            Some(KeyView { vault: vault.record.clone(), key: key.record.clone(), version: version.clone() })
        });
        found.ok_or_else(|| Error::key_not_found(&version.to_string()))
    }
}

impl Operation for GetKey {
    const NAME: &'static str = "key.get";
    const PERMISSION: Permission = Permission::Get;
    const AUDITED: Audited = Audited::Read;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Key(self.0.clone(), self.1.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let version = grant.version()?;
        Self::show(rooms, version.vault, version.id)
    }
}
