//! Soft-deletes a secret with all its versions: refused everywhere from now on, its name taken until it is recovered or purged.

use std::sync::Arc;

use super::{
    Audited, Operation,
    get_deleted_secret::check_own,
    get_secret::{self, SecretView},
};
use crate::{
    clock,
    error::{Error, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{SecretRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Which secret.
pub struct DeleteSecret {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
}

impl Operation for DeleteSecret {
    const NAME: &'static str = "secret.delete";
    const PERMISSION: Permission = Permission::DeleteSecret;
    const AUDITED: Audited = Audited::Administration;
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let id = grant.vault()?.id;
        let name = &grant.operation().name;
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let (secret, version) = get_secret::find(vault, name, None)?;
            let shown = SecretView::of(vault, secret, version);
            check_own(&shown)?;
            let now = clock::now_seconds();
            let purge = now + SECONDS_PER_DAY * i64::from(vault.record.soft_delete_retention_days);
            let record = SecretRecord { deleted: Some(now), scheduled_purge: Some(purge), ..(*secret.record).clone() };
            let entry = Entry::put(row::secret(id, &name.to_ascii_lowercase()), &record);
            Ok((vec![entry], SecretView { secret: Arc::new(record), ..shown }))
        })
    }
}
