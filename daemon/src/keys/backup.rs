//! Backups of keys: everything about all versions of one, sealed under the root key. Only this daemon, or a replica of it, reads one. What
//! is inside is in the clear in this room alone.

use std::sync::Arc;

use prost::Message;
use zeroize::{Zeroize, Zeroizing};

use super::{
    Keys,
    catalog::{Key, Vault},
    ledger::Entry,
    record::{KeyPolicy, KeyRecord, VaultRecord, VersionRecord},
};
use crate::{
    error::{Error, ErrorCode, Result},
    policy::{Authorized, KeyBackup, profile::Rules},
};

/// The most versions that a backup has (Key Vault's number).
pub const MAX_BACKUP_VERSIONS: usize = 500;

/// The kind of [`Keys::seal_backup`].
const KIND: &str = "key";

/// What is sealed: `docs/storage-format.md` has it in prose.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct KeyContent {
    #[prost(bytes = "vec", tag = "1")]
    vault: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    key: Option<KeyRecord>,
    #[prost(message, repeated, tag = "3")]
    versions: Vec<VersionContent>,
    /// The vault's rules.
    #[prost(string, tag = "4")]
    profile: String,
    #[prost(string, tag = "5")]
    wrapping: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct VersionContent {
    #[prost(message, optional, tag = "1")]
    record: Option<VersionRecord>,
    /// PKCS#8, or a secret key's bytes.
    #[prost(bytes = "vec", tag = "2")]
    material: Vec<u8>,
}

impl Drop for VersionContent {
    fn drop(&mut self) {
        self.material.zeroize();
    }
}

/// A backup that was opened: the key as it was, and its versions in the order of their creation.
pub struct OpenBackup {
    /// The rules of the vault that it was taken in.
    pub rules: Rules,
    /// The key's record.
    pub key: KeyRecord,
    versions: Vec<VersionContent>,
}

impl OpenBackup {
    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &VersionRecord> {
        self.versions.iter().filter_map(|version| version.record.as_ref())
    }
}

impl Keys {
    /// Takes the backup that a grant is for.
    pub fn backup_key<O: KeyBackup>(&self, grant: &Authorized<O>) -> Result<Vec<u8>> {
        let (id, name) = (grant.vault()?.id, grant.operation().key_name());
        let (vault, key, kek): (Arc<VaultRecord>, Key, _) = {
            let view = self.catalog.view();
            let vault = view.vault(id).ok_or_else(Error::sealed)?;
            let key = vault.key(name).ok_or_else(|| Error::key_not_found(name))?;
            (vault.record.clone(), key.clone(), vault.kek()?)
        };
        if key.versions.len() > MAX_BACKUP_VERSIONS {
            let refusal = format!("the key '{name}' has more than {MAX_BACKUP_VERSIONS} versions");
            return Err(Error::new(ErrorCode::InvalidArgument, refusal));
        }
        if key.versions.iter().any(|version| version.policy.single_use) {
            let refusal = format!("the key '{name}' is for a single use, which a copy of it would be too");
            return Err(Error::new(ErrorCode::ActionProhibited, refusal));
        }
        let version = |version: &Arc<super::Version>| -> Result<VersionContent> {
            let material = self.unseal_version(&kek, version)?.to_vec();
            Ok(VersionContent { record: Some(version.record.clone()), material })
        };
        let content = KeyContent {
            vault: id.0.to_vec(),
            profile: vault.profile.clone(),
            wrapping: vault.wrapping.clone(),
            key: Some((*key.record).clone()),
            versions: key.versions.iter().map(version).collect::<Result<_>>()?,
        };
        self.seal_backup(KIND, &Zeroizing::new(content.encode_to_vec()))
    }

    /// Opens a key's backup. One error for every cause.
    pub fn open_key_backup(&self, backup: &[u8]) -> Result<OpenBackup> {
        let content = self.open_backup(KIND, backup)?;
        let damaged = || Error::new(ErrorCode::BackupInvalid, "the backup's content is damaged");
        let KeyContent { key, versions, profile, wrapping, .. } =
            KeyContent::decode(content.as_slice()).map_err(|_| damaged())?;
        let rules = Rules::of_words(&profile, &wrapping).ok_or_else(damaged)?;
        let key = key.ok_or_else(damaged)?;
        let is_whole = versions.iter().all(|version| version.record.as_ref().is_some_and(|it| it.policy.is_some()));
        let has_current = versions.iter().any(|it| it.record.as_ref().is_some_and(|it| it.id == key.current));
        if versions.len() > MAX_BACKUP_VERSIONS || !is_whole || !has_current {
            return Err(damaged());
        }
        Ok(OpenBackup { rules, key, versions })
    }

    /// The row of one restored version's secret, sealed to its new policy.
    pub fn seal_restored(&self, vault: &Vault, backup: &OpenBackup, policy: &KeyPolicy) -> Result<Entry> {
        let is_it = |version: &&VersionContent| version.record.as_ref().is_some_and(|it| it.id == policy.version);
        let content = backup.versions.iter().find(is_it).ok_or_else(|| Error::internal("no such version"))?;
        self.seal_version(vault, policy, &content.material)
    }
}
