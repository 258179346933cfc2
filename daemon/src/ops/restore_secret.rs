//! Brings a secret back from its backup, with all its versions under their old identifiers, into a vault where its name is free.

use prost::Message;
use softkeep_proto::limits::MAX_MESSAGE_BYTES;

use super::{
    Audited, Operation, backup_secret,
    get_secret::SecretView,
    new_secret::{self, check_name_free, policy, version_entries},
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Vault, Version},
        ledger::{Counters, Entry},
        record::{SecretBackup, SecretRecord, SecretVersionBackup, SecretVersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Versions that come back in one transaction: two rows each, of the hundred that the store takes.
const VERSIONS_AT_ONCE: usize = 32;

/// What is there of a restoration that was interrupted goes away after this.
const MAX_RESTORATION_SECONDS: i64 = 3600;

/// A backup, and where to.
pub struct RestoreSecret {
    vault: VaultName,
    backup: Vec<u8>,
}

impl RestoreSecret {
    /// Bounds the backup.
    pub fn new(vault: VaultName, backup: Vec<u8>) -> Result<Self> {
        if backup.is_empty() || backup.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(ErrorCode::BackupInvalid, "this is no secret backup that was made here"));
        }
        Ok(Self { vault, backup })
    }
}

impl Operation for RestoreSecret {
    const NAME: &'static str = "secret.restore";
    const PERMISSION: Permission = Permission::RestoreSecret;
    const AUDITED: Audited = Audited::Administration;
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let vault = grant.vault()?.id;
        let backup = open(&rooms.keys, &grant.operation().backup)?;
        let restoration = Restoration::new(&backup)?;
        let mut chunks = backup.versions.chunks(VERSIONS_AT_ONCE).peekable();
        let mut is_first = true;
        while let Some(chunk) = chunks.next() {
            restoration.write(&rooms.keys, vault, chunk, is_first, chunks.peek().is_none())?;
            is_first = false;
        }
        SecretView::find(rooms, vault, &backup.name, None)
    }
}

fn open(keys: &Keys, backup: &[u8]) -> Result<SecretBackup> {
    let content = keys.open_backup(backup_secret::KIND, backup)?;
    let invalid = || Error::new(ErrorCode::BackupInvalid, "the backup has another form than this daemon knows");
    let backup = SecretBackup::decode(content.as_slice()).map_err(|_| invalid())?;
    new_secret::check_name(&backup.name)?;
    if backup.versions.is_empty() || backup.versions.iter().any(|version| version.record.is_none()) {
        return Err(invalid());
    }
    Ok(backup)
}

/// A secret on its way back. Until its last version is there it is a deleted one without a current version, which nobody can see or
/// recover; if the daemon stops meanwhile it is purged.
struct Restoration<'a> {
    backup: &'a SecretBackup,
    /// The secret when all is there.
    whole: SecretRecord,
    /// Until then.
    unfinished: SecretRecord,
}

impl<'a> Restoration<'a> {
    fn new(backup: &'a SecretBackup) -> Result<Self> {
        let last = backup.versions.last().and_then(|version| version.record.as_ref());
        let current = last.ok_or_else(|| Error::internal("a backup without versions"))?.id.clone();
        let whole =
            SecretRecord { name: backup.name.clone(), created: backup.created, current, ..SecretRecord::default() };
        let now = clock::now_seconds();
        let (deleted, scheduled_purge) = (Some(now), Some(now + MAX_RESTORATION_SECONDS));
        let unfinished = SecretRecord { deleted, scheduled_purge, ..whole.clone() };
        Ok(Self { backup, whole, unfinished })
    }

    fn write(
        &self,
        keys: &Keys,
        vault: Id,
        versions: &[SecretVersionBackup],
        is_first: bool,
        is_last: bool,
    ) -> Result<()> {
        keys.write(|counters| {
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
            self.check(vault, is_first)?;
            let name = self.backup.name.to_ascii_lowercase();
            let record = if is_last { &self.whole } else { &self.unfinished };
            let mut entries = vec![Entry::put(row::secret(vault.id, &name), record)];
            for version in versions {
                entries.extend(self.version(keys, vault, counters, version)?);
            }
            Ok((entries, ()))
        })
    }

    /// The name is free at first; later it is still this restoration's.
    fn check(&self, vault: &Vault, is_first: bool) -> Result<()> {
        let name = &self.backup.name;
        let there = vault.secrets.get_any(name).map(|secret| &*secret.record);
        match there {
            Some(record) if !is_first && *record == self.unfinished => Ok(()),
            _ if !is_first => Err(Error::new(ErrorCode::Conflict, format!("the secret '{name}' was purged meanwhile"))),
            Some(record) if record.deleted.is_none() => {
                Err(Error::new(ErrorCode::AlreadyExists, format!("a secret '{name}' is there already")))
            }
            _ => check_name_free(vault, name, false),
        }
    }

    fn version(
        &self,
        keys: &Keys,
        vault: &Vault,
        counters: &mut Counters,
        version: &SecretVersionBackup,
    ) -> Result<[Entry; 2]> {
        let old = version.record.as_ref().ok_or_else(|| Error::internal("a backup without a record"))?;
        let id = Id::from_bytes(&old.id)?;
        let record = SecretVersionRecord {
            secret: self.backup.name.to_ascii_lowercase(),
            ordinal: counters.take_ordinal(),
            policy: Some(policy(keys, vault, id, false)),
            ..old.clone()
        };
        version_entries(keys, vault, &record, &version.value)
    }
}
