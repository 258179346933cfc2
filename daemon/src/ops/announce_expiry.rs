//! Puts on record that a key expires soon: the action "Notify" of a rotation policy. Once for each version, by the daemon itself.

use super::{Audited, Operation, rotation};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    jobs::Job,
    keys::{
        catalog::{Key, Version, View},
        ledger::Entry,
        record::{KeyRecord, RotationRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which key.
pub struct AnnounceExpiry {
    vault: VaultName,
    name: String,
}

/// The keys whose expiry is to be announced now, or was to be before.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, _) in vault.keys.iter().filter(|(_, key)| is_due(key, now)) {
            let announce = AnnounceExpiry { vault: VaultName::Id(vault.id), name: name.clone() };
            jobs.push(Job::new(&format!("{}/{name}", vault.id), announce));
        }
    }
    jobs
}

/// A version that is about to be rotated, because the daemon was away, needs no notice any more.
fn is_due(key: &Key, now: i64) -> bool {
    let passed = |time: Option<i64>| time.is_some_and(|time| time <= now);
    passed(rotation::notifies_at(key)) && !passed(rotation::rotates_at(key))
}

impl Operation for AnnounceExpiry {
    const NAME: &'static str = "key.near-expiry";
    /// No door offers this verb: the daemon itself may do everything.
    const PERMISSION: Permission = Permission::SetRotationPolicy;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let (id, name) = (grant.vault()?.id, &grant.operation().name);
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let key = view.vault(id).and_then(|vault| vault.key(name)).ok_or_else(|| Error::key_not_found(name))?;
            if !is_due(key, clock::now_seconds()) {
                return Err(Error::new(ErrorCode::Conflict, "there is nothing to announce any more"));
            }
            let last = key.record.rotation.clone().unwrap_or_else(rotation::default_record);
            let rotation = RotationRecord { notified: key.record.current.clone(), ..last };
            let record = KeyRecord { rotation: Some(rotation), ..(*key.record).clone() };
            Ok((vec![Entry::put(row::key(id, name), &record)], ()))
        })
    }
}
