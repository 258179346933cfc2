//! C_DestroyObject. It undoes nothing for good: the private or secret object of a key's only version soft-deletes the key, of one version
//! among several hides that version, which cannot be used then; a public object is only hidden. A published certificate alone is gone for good.

use cryptoki_sys as ck;

use super::{Audited, Operation, find_objects::sees_private, init_token};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        ledger::Entry,
        record::{ObjectRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which object.
pub struct DestroyObject {
    /// The vault.
    pub vault: Id,
    /// The object.
    pub id: Id,
    /// Which of the objects of that id.
    pub class: u64,
}

impl Operation for DestroyObject {
    const NAME: &'static str = "object.destroy";
    const PERMISSION: Permission = Permission::Delete;
    const AUDITED: Audited = Audited::Administration;
    /// The vault's revision afterwards.
    type Reply = u64;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.id.to_string()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<u64> {
        let DestroyObject { vault, id, class } = *grant.operation();
        let keys = &rooms.keys;
        keys.write(|_| {
            let gone = || Error::key_not_found(&id.to_string());
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(gone)?;
            let private_too = sees_private(&rooms.policy, &view, grant.caller(), vault);
            let face = vault.face(id, class).filter(|face| private_too || !face.private).ok_or_else(gone)?;
            if face.attributes.get(&ck::CKA_DESTROYABLE).is_some_and(|flag| flag[..] == [0]) {
                return Err(Error::new(ErrorCode::ActionProhibited, "the object may not be destroyed"));
            }
            let entry = match vault.version(id) {
                Some(version) if class != ck::CKO_CERTIFICATE && is_managed(vault, version) => {
                    let why = "the key belongs to a certificate, which deletes it";
                    return Err(Error::new(ErrorCode::ManagedObject, why));
                }
                Some(version) => destroy_face(vault, version, class),
                None => {
                    let record = vault.object(id).ok_or_else(gone)?;
                    Entry::put(row::object(vault.id, id), &ObjectRecord { hidden: true, ..ObjectRecord::clone(record) })
                }
            };
            Ok((vec![entry], ()))
        })?;
        if matches!(class, ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY) {
            keys.forget(id);
        }
        Ok(keys.catalog.view().vault(vault).map_or(0, |vault| vault.revision))
    }
}

fn is_managed(vault: &Vault, version: &Version) -> bool {
    vault.key(&version.record.key).is_some_and(|key| key.record.managed)
}

fn destroy_face(vault: &Vault, version: &Version, class: u64) -> Entry {
    let record = VersionRecord { updated: clock::now_seconds(), ..version.record.clone() };
    let hidden = match class {
        ck::CKO_PUBLIC_KEY => VersionRecord { public_hidden: true, ..record },
        ck::CKO_CERTIFICATE => VersionRecord { certificate_der: Vec::new(), ..record },
        _ => {
            let key = vault.key(&version.record.key);
            let usable = key.map_or(0, |key| key.versions.iter().filter(|other| !other.record.private_hidden).count());
            if let Some(key) = key.filter(|_| usable <= 1) {
                return Entry::put(row::key(vault.id, &version.record.key), &init_token::deleted(vault, &key.record));
            }
            VersionRecord { private_hidden: true, ..record }
        }
    };
    Entry::put(row::version(vault.id, version.id), &hidden)
}
