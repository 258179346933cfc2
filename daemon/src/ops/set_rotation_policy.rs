//! Says when a key is rotated. The version that is there keeps its expiry; the policy's expiry time is for those to come.

use softkeep_proto::v1;

use super::{Audited, Operation, get_rotation_policy::GetRotationPolicy, new_version, rotation};
use crate::{
    clock,
    error::{Error, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{KeyRecord, RotationRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which policy for which key.
pub struct SetRotationPolicy {
    vault: VaultName,
    name: String,
    record: RotationRecord,
}

impl SetRotationPolicy {
    /// Checks what the caller asks for.
    pub fn parse(vault: VaultName, policy: &v1::RotationPolicy) -> Result<Self> {
        let record = rotation::check(policy, clock::now_seconds())?;
        Ok(Self { vault, name: policy.name.clone(), record })
    }
}

impl Operation for SetRotationPolicy {
    const NAME: &'static str = "key.set-rotation-policy";
    const PERMISSION: Permission = Permission::SetRotationPolicy;
    const AUDITED: Audited = Audited::Administration;
    type Reply = v1::RotationPolicy;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<v1::RotationPolicy> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let key = vault.key(&operation.name).ok_or_else(|| Error::key_not_found(&operation.name))?;
            new_version::check_not_managed(&key.record)?;
            let mut rotation = operation.record.clone();
            if let Some(last) = &key.record.rotation {
                rotation.notified.clone_from(&last.notified);
                // A record without a beginning is the default's, kept to remember a notice.
                if last.created != 0 {
                    rotation.created = last.created;
                }
            }
            let record = KeyRecord { rotation: Some(rotation), ..(*key.record).clone() };
            Ok((vec![Entry::put(row::key(id, &operation.name.to_ascii_lowercase()), &record)], ()))
        })?;
        GetRotationPolicy::show(rooms, id, &operation.name)
    }
}
