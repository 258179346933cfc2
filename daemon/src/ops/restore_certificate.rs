//! Brings a certificate back from its backup, with its key and its secret and all versions under their old identifiers, into a vault where
//! the name is free.

use prost::Message as _;
use softkeep_proto::limits::MAX_MESSAGE_BYTES;

use super::{
    Audited, Operation,
    backup_certificate::{KIND, MAX_VERSIONS},
    new_certificate::{self, CertificateView, check_name_free},
    new_secret,
    new_version::check_sku,
    restore_key::restored,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Vault, Version},
        ledger::{Counters, Entry},
        record::{
            CertificateBackup, CertificateRecord, CertificateVersionBackup, CertificateVersionRecord, KeyRecord,
            SecretRecord, SecretVersionRecord, VersionRecord, row,
        },
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// Five rows each, and three for the names; the store takes a hundred at once.
const VERSIONS_AT_ONCE: usize = 16;

/// What is there of a restoration that was interrupted goes away after this.
const UNFINISHED_SECONDS: i64 = 3600;

/// A backup, and where to.
pub struct RestoreCertificate {
    vault: VaultName,
    backup: Vec<u8>,
}

impl RestoreCertificate {
    /// Bounds the backup.
    pub fn parse(vault: VaultName, backup: Vec<u8>) -> Result<Self> {
        if backup.is_empty() || backup.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(ErrorCode::BackupInvalid, "this is no certificate backup that was made here"));
        }
        Ok(Self { vault, backup })
    }
}

impl Operation for RestoreCertificate {
    const NAME: &'static str = "certificate.restore";
    const PERMISSION: Permission = Permission::RestoreCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = CertificateView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<CertificateView> {
        let (id, keys) = (grant.vault()?.id, &rooms.keys);
        let restoration = Restoration::open(keys, &grant.operation().backup)?;
        let batches: Vec<_> = restoration.versions.chunks(VERSIONS_AT_ONCE).collect();
        for (number, batch) in batches.iter().enumerate() {
            keys.write(|counters| {
                let view = keys.catalog.view();
                let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
                restoration.check(vault, number == 0)?;
                let mut entries = restoration.names(vault, number + 1 == batches.len());
                for version in *batch {
                    entries.extend(restoration.rows(keys, vault, counters, version)?);
                }
                Ok((entries, ()))
            })?;
        }
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        CertificateView::find(vault, &restoration.certificate.name, None)
    }
}

/// A certificate on its way back. Until its current version is there it is a deleted one without it, which nobody can see or recover; if the
/// daemon stops meanwhile it is purged.
struct Restoration {
    /// Those of the vault that the backup was taken in.
    rules: Rules,
    certificate: CertificateRecord,
    /// The current one last.
    versions: Vec<CertificateVersionBackup>,
    started: i64,
}

impl Restoration {
    fn open(keys: &Keys, backup: &[u8]) -> Result<Self> {
        let content = keys.open_backup(KIND, backup)?;
        let invalid = || Error::new(ErrorCode::BackupInvalid, "the backup has another form than this daemon knows");
        let CertificateBackup { certificate, mut versions, profile, wrapping, .. } =
            CertificateBackup::decode(content.as_slice()).map_err(|_| invalid())?;
        let rules = Rules::of_words(&profile, &wrapping).ok_or_else(invalid)?;
        let certificate = certificate.ok_or_else(invalid)?;
        new_certificate::check_name(&certificate.name).map_err(|_| invalid())?;
        let whole = |version: &CertificateVersionBackup| {
            let ids = [
                version.record.as_ref().map(|record| &record.id),
                version.key.as_ref().filter(|key| key.policy.is_some()).map(|key| &key.id),
                version.secret.as_ref().map(|secret| &secret.id),
            ];
            ids.iter().all(|id| id.is_some() && *id == ids[0])
        };
        let id =
            |version: &CertificateVersionBackup| version.record.as_ref().map(|it| it.id.clone()).unwrap_or_default();
        let has_current = versions.iter().any(|version| id(version) == certificate.current);
        if versions.len() > MAX_VERSIONS || !versions.iter().all(whole) || !has_current {
            return Err(invalid());
        }
        versions.sort_by_key(|version| {
            (id(version) == certificate.current, version.record.as_ref().map_or(0, |record| record.ordinal))
        });
        Ok(Self { rules, certificate, versions, started: clock::now_seconds() })
    }

    /// The name and the versions are free at first; later they are still this restoration's.
    fn check(&self, vault: &Vault, first: bool) -> Result<()> {
        let name = &self.certificate.name;
        if !first {
            let there = vault.certificates.get_deleted(name).map(|certificate| &*certificate.record);
            return match there {
                Some(record) if *record == self.record(false) => Ok(()),
                _ => Err(Error::new(ErrorCode::Conflict, format!("the certificate '{name}' was purged meanwhile"))),
            };
        }
        if vault.certificates.get(name).is_some() {
            return Err(Error::new(ErrorCode::AlreadyExists, format!("there is a certificate '{name}'")));
        }
        check_name_free(vault, name)?;
        let there = |version: &CertificateVersionBackup| {
            let id = version.record.as_ref().and_then(|record| Id::from_bytes(&record.id).ok());
            id.is_some_and(|id| vault.has_version(id))
        };
        if self.versions.iter().any(there) {
            return Err(Error::new(ErrorCode::AlreadyExists, "a version of the backup is there already"));
        }
        Ok(())
    }

    fn unfinished(&self, last: bool) -> (Option<i64>, Option<i64>) {
        match last {
            true => (None, None),
            false => (Some(self.started), Some(self.started + UNFINISHED_SECONDS)),
        }
    }

    fn record(&self, last: bool) -> CertificateRecord {
        let (deleted, scheduled_purge) = self.unfinished(last);
        // The operation's request is over, and nothing waits for an answer any more.
        CertificateRecord { deleted, scheduled_purge, pending: None, ..self.certificate.clone() }
    }

    fn names(&self, vault: &Vault, last: bool) -> Vec<Entry> {
        let name = self.certificate.name.to_ascii_lowercase();
        let (deleted, scheduled_purge) = self.unfinished(last);
        let (created, current) = (self.certificate.created, self.certificate.current.clone());
        let key = KeyRecord {
            name: self.certificate.name.clone(),
            created,
            deleted,
            scheduled_purge,
            current: current.clone(),
            managed: true,
            ..KeyRecord::default()
        };
        let secret = SecretRecord {
            name: self.certificate.name.clone(),
            created,
            deleted,
            scheduled_purge,
            current,
            managed: true,
        };
        vec![
            Entry::put(row::certificate(vault.id, &name), &self.record(last)),
            Entry::put(row::key(vault.id, &name), &key),
            Entry::put(row::secret(vault.id, &name), &secret),
        ]
    }

    fn rows(
        &self,
        keys: &Keys,
        vault: &Vault,
        counters: &mut Counters,
        version: &CertificateVersionBackup,
    ) -> Result<Vec<Entry>> {
        let missing = || Error::internal("a backup without a record");
        let name = self.certificate.name.to_ascii_lowercase();
        let old = version.key.as_ref().ok_or_else(missing)?;
        let id = Id::from_bytes(&old.id)?;
        check_sku(&vault.record, old.hsm)?;
        let policy = restored(keys, vault, old.policy.clone().ok_or_else(missing)?);
        let rules = Rules::of(&vault.record)?;
        rules.check_origin(self.rules)?;
        rules.check_key(&policy)?;
        let blob = keys.seal_version(vault, &policy, &version.material)?;
        let key = VersionRecord {
            key: name.clone(),
            ordinal: counters.take_ordinal(),
            policy: Some(policy),
            request_id: String::new(),
            ..old.clone()
        };
        // What could not be read again must not be written.
        Version::parse(vault.id, key.clone(), None)?;
        let secret = SecretVersionRecord {
            secret: name.clone(),
            ordinal: counters.take_ordinal(),
            policy: Some(new_secret::policy(keys, vault, id, true)),
            request_id: String::new(),
            ..version.secret.clone().ok_or_else(missing)?
        };
        let certificate = CertificateVersionRecord {
            certificate: name,
            ordinal: counters.take_ordinal(),
            request_id: String::new(),
            ..version.record.clone().ok_or_else(missing)?
        };
        let [secret_row, value_row] = new_secret::version_entries(keys, vault, &secret, &version.value)?;
        Ok(vec![
            blob,
            Entry::put(row::version(vault.id, id), &key),
            secret_row,
            value_row,
            Entry::put(row::certificate_version(vault.id, id), &certificate),
        ])
    }
}
