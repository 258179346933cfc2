//! Destroys a deleted certificate for good, with its key and its secret. The name is free afterwards. Somebody asks for it, or the time has
//! come that was set when it was deleted.

use std::collections::BTreeSet;

use super::{
    Audited, Operation,
    new_certificate::{self, find_deleted},
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    jobs::Job,
    keys::{
        catalog::{Vault, Version, View},
        ledger::Entry,
        record::{CertificateRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct PurgeCertificate {
    vault: VaultName,
    name: String,
    /// Because its time has come, which purge protection does not stop.
    scheduled: bool,
}

impl PurgeCertificate {
    /// By a caller's wish.
    pub fn now(vault: VaultName, name: String) -> Self {
        Self { vault, name, scheduled: false }
    }
}

/// The deleted certificates whose time has come.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, certificate) in vault.certificates.after("") {
            if is_due(&certificate.record, now) {
                let purge = PurgeCertificate { vault: VaultName::Id(vault.id), name: name.clone(), scheduled: true };
                jobs.push(Job::new(&format!("{}/{name}", vault.id), purge));
            }
        }
    }
    jobs
}

fn is_due(record: &CertificateRecord, now: i64) -> bool {
    record.deleted.is_some() && record.scheduled_purge.is_some_and(|time| time <= now)
}

/// Five rows each, and three for the names; the store takes a hundred at once.
const VERSIONS_AT_ONCE: usize = 16;

impl Operation for PurgeCertificate {
    const NAME: &'static str = "certificate.purge";
    const PERMISSION: Permission = Permission::PurgeCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        let mut begun: Option<i64> = None;
        loop {
            let gone = keys.write(|_| {
                let view = keys.catalog.view();
                let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
                begun = Some(operation.find(vault, begun)?.created);
                Ok(some_rows(vault, &operation.name))
            })?;
            if gone.is_empty() {
                break;
            }
            gone.into_iter().for_each(|version| keys.forget(version));
        }
        keys.scrub()?;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            operation.find(vault, begun)?;
            Ok((names(vault, &operation.name, false), ()))
        })
    }
}

impl PurgeCertificate {
    /// The deleted certificate, if it may go; once its purge has begun, the very same one.
    fn find<'a>(&self, vault: &'a Vault, begun: Option<i64>) -> Result<&'a CertificateRecord> {
        let not_found =
            || Error::new(ErrorCode::CertificateNotFound, format!("no deleted certificate '{}'", self.name));
        let there = vault.certificates.get_deleted(&self.name);
        if let Some(created) = begun {
            let same = there.filter(|certificate| certificate.record.created == created);
            return same.map(|certificate| &*certificate.record).ok_or_else(not_found);
        }
        if self.scheduled {
            let record = &there.ok_or_else(not_found)?.record;
            return match is_due(record, clock::now_seconds()) {
                true => Ok(record),
                false => Err(Error::new(ErrorCode::Conflict, "the certificate is not to be purged any more")),
            };
        }
        let record = &find_deleted(vault, &self.name)?.record;
        check_protection(&vault.record)?;
        Ok(record)
    }
}

fn check_protection(vault: &VaultRecord) -> Result<()> {
    if !vault.purge_protection {
        return Ok(());
    }
    let refusal =
        format!("the vault '{}' has purge protection: a deleted certificate stays until its time", vault.name);
    Err(Error::new(ErrorCode::PurgeProtected, refusal))
}

/// Rows to delete, and which versions they are of. Until the last is gone from the disk the certificate is one whose time came long ago,
/// which nobody sees or recovers; if the daemon ends in between, the rest is due when it is back.
fn some_rows(vault: &Vault, name: &str) -> (Vec<Entry>, Vec<Id>) {
    let name = name.to_ascii_lowercase();
    let key = vault.keys.get(&name).filter(|key| key.record.managed);
    let secret = vault.secrets.get_any(&name).filter(|secret| secret.record.managed);
    let certificate = vault.certificates.get_any(&name);
    let mut versions: BTreeSet<Id> = key.iter().flat_map(|key| key.versions.iter().map(|version| version.id)).collect();
    let named = secret.iter().flat_map(|secret| secret.versions.iter().map(|version| &version.id));
    let named = named.chain(certificate.iter().flat_map(|it| it.versions.iter().map(|version| &version.id)));
    versions.extend(named.filter_map(|id| Id::from_bytes(id).ok()));
    let gone: Vec<Id> = versions.into_iter().take(VERSIONS_AT_ONCE).collect();
    let rows = gone.iter().flat_map(|id| {
        [
            row::certificate_version(vault.id, *id),
            row::secret_value(vault.id, *id),
            row::secret_version(vault.id, *id),
            row::blob(vault.id, *id),
            row::version(vault.id, *id),
        ]
    });
    let mut entries: Vec<_> = rows.map(Entry::delete).collect();
    if !gone.is_empty() {
        entries.extend(names(vault, &name, true));
    }
    (entries, gone)
}

/// The rows of the name, as of what is being purged, or deleted.
fn names(vault: &Vault, name: &str, stays: bool) -> Vec<Entry> {
    let being_purged = new_certificate::mark_deleted(vault, name, Some(0), Some(0));
    match stays {
        true => being_purged,
        false => being_purged.into_iter().map(|entry| Entry::delete(entry.key)).collect(),
    }
}
