//! Destroys a deleted secret with all its versions: at a caller's word, or by the daemon itself when its time has come.

use super::{Audited, Operation};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    jobs::Job,
    keys::{
        Keys,
        catalog::{Named, Vault, Version, View},
        ledger::Entry,
        record::{SecretRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Versions that go in one transaction: two rows each, of the hundred that the store takes.
const VERSIONS_AT_ONCE: usize = 32;

/// Which secret.
pub struct PurgeSecret {
    vault: VaultName,
    name: String,
    /// The daemon's own purge: it does nothing to what is no longer due, or gone.
    only_when_due: bool,
}

impl PurgeSecret {
    /// At a caller's word.
    pub fn now(vault: VaultName, name: String) -> Self {
        Self { vault, name, only_when_due: false }
    }
}

/// The secrets whose time has come: their retention is over, or their purge was begun and interrupted.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    // A certificate's goes with the certificate.
    let is_due = |secret: &Named<SecretRecord>| !secret.record.managed && is_over(&secret.record, now);
    let job = |vault: &Vault, name: &str| {
        let operation = PurgeSecret { vault: VaultName::Id(vault.id), name: name.to_owned(), only_when_due: true };
        Job::new(&format!("{}/{name}", vault.id), operation)
    };
    let of_vault = |vault: &Vault| {
        let secrets = vault.secrets.after("").filter(|(_, secret)| is_due(secret));
        secrets.map(|(name, _)| job(vault, name)).collect::<Vec<_>>()
    };
    view.vaults().into_iter().flat_map(of_vault).collect()
}

fn is_over(record: &SecretRecord, now: i64) -> bool {
    record.deleted.is_some() && record.scheduled_purge.is_some_and(|time| time <= now)
}

impl Operation for PurgeSecret {
    const NAME: &'static str = "secret.purge";
    const PERMISSION: Permission = Permission::PurgeSecret;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let (vault, operation) = (grant.vault()?.id, grant.operation());
        let mut is_first = true;
        while operation.purge_some(&rooms.keys, vault, is_first)? {
            is_first = false;
        }
        rooms.keys.scrub()?;
        operation.forget(&rooms.keys, vault)
    }
}

impl PurgeSecret {
    /// Takes away the rows of as many versions as one transaction may; whether there were any. The current version goes first, so that
    /// nothing of what is left is listed or recovered, and the record says that its time has come: after a crash the daemon goes on by
    /// itself.
    fn purge_some(&self, keys: &Keys, vault: Id, is_first: bool) -> Result<bool> {
        let name = &self.name;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
            let now = clock::now_seconds();
            let secret = match vault.secrets.get_deleted(name) {
                Some(secret) if !self.only_when_due || is_over(&secret.record, now) => secret,
                None if is_first && !self.only_when_due => {
                    return Err(Error::new(ErrorCode::SecretNotFound, format!("no deleted secret '{name}'")));
                }
                _ => return Ok((Vec::new(), false)),
            };
            check(vault, secret, now)?;
            let mut entries = Vec::new();
            for version in secret.versions.iter().rev().take(VERSIONS_AT_ONCE) {
                let id = Id::from_bytes(&version.id)?;
                entries.push(Entry::delete(row::secret_value(vault.id, id)));
                entries.push(Entry::delete(row::secret_version(vault.id, id)));
            }
            let any = !entries.is_empty();
            if any {
                let record = SecretRecord { scheduled_purge: Some(now), ..(*secret.record).clone() };
                entries.push(Entry::put(row::secret(vault.id, &name.to_ascii_lowercase()), &record));
            }
            Ok((entries, any))
        })
    }

    /// Gives the name free, when what it was of is gone from the disk too.
    fn forget(&self, keys: &Keys, vault: Id) -> Result<()> {
        keys.write(|_| {
            let view = keys.catalog.view();
            let secret = view.vault(vault).and_then(|vault| vault.secrets.get_deleted(&self.name));
            let is_empty = secret.is_some_and(|secret| secret.versions.is_empty());
            let name_row = || Entry::delete(row::secret(vault, &self.name.to_ascii_lowercase()));
            Ok((is_empty.then(name_row).into_iter().collect(), ()))
        })
    }
}

fn check(vault: &Vault, secret: &Named<SecretRecord>, now: i64) -> Result<()> {
    if secret.record.managed {
        let why = format!("the secret '{}' belongs to the certificate of that name", secret.record.name);
        return Err(Error::new(ErrorCode::ManagedObject, why));
    }
    if vault.record.purge_protection && !is_over(&secret.record, now) {
        let why = "the vault's purge protection keeps deleted secrets until their scheduled purge date";
        return Err(Error::new(ErrorCode::PurgeProtected, why));
    }
    Ok(())
}
