//! Undoes the deletion of a key, and of the objects of its versions that were destroyed through PKCS#11.

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    new_version,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Key, Version},
        ledger::Entry,
        record::{KeyRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key.
pub struct RecoverKey {
    /// The vault.
    pub vault: VaultName,
    /// The key, deleted or with something hidden.
    pub name: String,
}

/// Rows in one transaction; the store takes a hundred.
const ROWS_AT_ONCE: usize = 64;

impl Operation for RecoverKey {
    const NAME: &'static str = "key.recover";
    const PERMISSION: Permission = Permission::Recover;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let vault = grant.vault()?.id;
        let name = &grant.operation().name;
        {
            let view = rooms.keys.catalog.view();
            let key = find(view.vault(vault).and_then(|vault| vault.keys.get(&name.to_ascii_lowercase())), name)?;
            new_version::check_not_managed(&key.record)?;
            if key.record.deleted.is_none() && !key.versions.iter().any(|version| is_hidden(version)) {
                return Err(Error::new(ErrorCode::InvalidArgument, format!("the key '{name}' is not deleted")));
            }
        }
        // What is hidden first: the key comes back whole, in one moment, when its record does.
        while show_some(&rooms.keys, vault, name)? == ROWS_AT_ONCE {}
        let version = rooms.keys.write(|_| {
            let view = rooms.keys.catalog.view();
            let key = find(view.vault(vault).and_then(|vault| vault.keys.get(&name.to_ascii_lowercase())), name)?;
            let record = KeyRecord { deleted: None, scheduled_purge: None, ..(*key.record).clone() };
            let current = key.current().map(|version| version.id).ok_or_else(|| Error::key_not_found(name))?;
            let row = Entry::put(row::key(vault, &name.to_ascii_lowercase()), &record);
            Ok((vec![row], current))
        })?;
        GetKey::show(rooms, vault, version)
    }
}

fn find<'a>(key: Option<&'a Key>, name: &str) -> Result<&'a Key> {
    key.ok_or_else(|| Error::key_not_found(name))
}

fn is_hidden(version: &Version) -> bool {
    version.record.private_hidden || version.record.public_hidden
}

fn show_some(keys: &Keys, vault: Id, name: &str) -> Result<usize> {
    keys.write(|_| {
        let view = keys.catalog.view();
        let key = find(view.vault(vault).and_then(|vault| vault.keys.get(&name.to_ascii_lowercase())), name)?;
        let hidden = key.versions.iter().filter(|version| is_hidden(version)).take(ROWS_AT_ONCE);
        let entries: Vec<_> = hidden
            .map(|version| {
                let record = VersionRecord {
                    private_hidden: false,
                    public_hidden: false,
                    updated: clock::now_seconds(),
                    ..version.record.clone()
                };
                Entry::put(row::version(vault, version.id), &record)
            })
            .collect();
        let count = entries.len();
        Ok((entries, count))
    })
}
