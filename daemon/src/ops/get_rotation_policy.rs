//! Shows when a key is rotated. A key that nobody has given a policy has Key Vault's default one.

use softkeep_proto::v1;

use super::{Audited, Operation, rotation};
use crate::{
    error::{Error, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key.
pub struct GetRotationPolicy {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub name: String,
}

impl GetRotationPolicy {
    /// The policy of a key that is known to be there.
    pub fn show(rooms: &Unsealed, vault: Id, name: &str) -> Result<v1::RotationPolicy> {
        let view = rooms.keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let key = vault.key(name).ok_or_else(|| Error::key_not_found(name))?;
        let default = rotation::default_record();
        let record = key.record.rotation.as_ref().unwrap_or(&default);
        Ok(rotation::show(&vault.record.name, &key.record.name, record))
    }
}

impl Operation for GetRotationPolicy {
    const NAME: &'static str = "key.get-rotation-policy";
    const PERMISSION: Permission = Permission::GetRotationPolicy;
    const AUDITED: Audited = Audited::Read;
    type Reply = v1::RotationPolicy;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<v1::RotationPolicy> {
        Self::show(rooms, grant.vault()?.id, &grant.operation().name)
    }
}
