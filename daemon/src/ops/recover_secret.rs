//! Undoes the deletion of a secret.

use std::sync::Arc;

use super::{
    Audited, Operation,
    get_deleted_secret::{self, check_own},
    get_secret::SecretView,
};
use crate::{
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

/// Which secret.
pub struct RecoverSecret {
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
}

impl Operation for RecoverSecret {
    const NAME: &'static str = "secret.recover";
    const PERMISSION: Permission = Permission::RecoverSecret;
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
            let shown = get_deleted_secret::find(vault, name)?;
            check_own(&shown)?;
            let record = SecretRecord { deleted: None, scheduled_purge: None, ..(*shown.secret).clone() };
            let entry = Entry::put(row::secret(id, &name.to_ascii_lowercase()), &record);
            Ok((vec![entry], SecretView { secret: Arc::new(record), ..shown }))
        })
    }
}
