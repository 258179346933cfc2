//! Gives a secret with all its versions, sealed: only this store's daemon reads it again.

use prost::Message;
use softkeep_proto::limits::MAX_MESSAGE_BYTES;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    get_deleted_secret::check_own,
    get_secret::{self, SecretView},
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        record::{SecretBackup, SecretVersionBackup, SecretVersionRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, SecretRead, VaultName},
    workers::Lane,
};

/// What a secret's backup is called where backups are sealed.
pub const KIND: &str = "secret";

/// Key Vault backs up no more versions than these.
const MAX_VERSIONS: usize = 500;

/// What a reply has beside the backup.
const REPLY_BYTES: usize = 1024;

/// Which secret.
pub struct BackupSecret {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
}

impl Operation for BackupSecret {
    const NAME: &'static str = "secret.backup";
    const PERMISSION: Permission = Permission::BackupSecret;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let (id, name) = (grant.vault()?.id, &grant.operation().name);
        let (secret, versions) = {
            let view = rooms.keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let (secret, version) = get_secret::find(vault, name, None)?;
            check_own(&SecretView::of(vault, secret, version))?;
            (secret.record.clone(), secret.versions.clone())
        };
        if versions.len() > MAX_VERSIONS {
            let why = format!("the secret has {} versions; a backup takes {MAX_VERSIONS}", versions.len());
            return Err(Error::new(ErrorCode::MessageTooLarge, why));
        }
        let mut backup = SecretBackup { name: secret.name.clone(), created: secret.created, versions: Vec::new() };
        let mut bytes = 0;
        for version in &versions {
            let value = rooms.keys.open_secret(&grant, version)?;
            bytes += value.len();
            // Its place, its seal and its request are not the backup's.
            let record =
                SecretVersionRecord { policy: None, ordinal: 0, request_id: String::new(), ..(**version).clone() };
            backup.versions.push(SecretVersionBackup { record: Some(record), value: value.to_vec() });
            if bytes > MAX_MESSAGE_BYTES {
                break;
            }
        }
        let sealed = rooms.keys.seal_backup(KIND, &Zeroizing::new(backup.encode_to_vec()))?;
        if sealed.len() + REPLY_BYTES > MAX_MESSAGE_BYTES {
            let why =
                format!("the secret's versions have more bytes together than a backup may have ({MAX_MESSAGE_BYTES})");
            return Err(Error::new(ErrorCode::MessageTooLarge, why));
        }
        Ok(sealed)
    }
}

impl SecretRead for BackupSecret {
    fn secret_name(&self) -> &str {
        &self.name
    }
}
