//! Brings a deleted vault back, whole: its record is all that the deletion changed. Its keys, PINs, policies and its slot are as they were.

use std::sync::Arc;

use super::{Audited, Operation, vault_settings::VaultChange};
use crate::{
    clock,
    error::{Error, Result},
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::{GroupRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultRef},
    workers::Lane,
};

/// Which vault, by the name it has kept.
pub struct RecoverVault(pub String);

impl Operation for RecoverVault {
    const NAME: &'static str = "vault.recover";
    const PERMISSION: Permission = Permission::WriteVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::DeletedVault(self.0.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let id = grant.vault()?.id;
        let by = VaultChange::by(grant.caller());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let name = &grant.operation().0;
            let vault = view.deleted_vault(name).filter(|vault| vault.id == id);
            let vault = vault.ok_or_else(|| Error::vault_not_found(name))?;
            let record = VaultRecord { deleted: None, scheduled_purge: None, ..VaultRecord::clone(&vault.record) };
            let recovered = VaultRef { id, record: Arc::new(by.stamp(record)) };
            let mut entries = vec![Entry::put(row::vault(id), &*recovered.record)];
            entries.extend(missing_group(&view, &recovered.record));
            Ok((entries, recovered))
        })
    }
}

/// The group of a vault, made again if it was deleted with the vault in it: a vault is never in a group that is not there.
fn missing_group(view: &View, record: &VaultRecord) -> Option<Entry> {
    let name = record.resource_group.to_ascii_lowercase();
    if name.is_empty() || view.directory.groups.contains_key(&name) {
        return None;
    }
    let group = GroupRecord {
        name: record.resource_group.clone(),
        location: record.location.clone(),
        created: clock::now_seconds(),
        ..GroupRecord::default()
    };
    Some(Entry::put(row::group(&name), &group))
}
