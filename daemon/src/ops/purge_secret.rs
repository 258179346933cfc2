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
    /// The vault.
    pub vault: VaultName,
    /// The secret.
    pub name: String,
}

/// The secrets whose time has come: their retention is over, or their purge was begun and interrupted.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    // A certificate's goes with the certificate.
    let is_due = |secret: &Named<SecretRecord>| !secret.record.managed && is_over(&secret.record, now);
    let job = |vault: &Vault, name: &str| {
        let operation = PurgeSecret { vault: VaultName::Id(vault.id), name: name.to_owned() };
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
        let (vault, name) = (grant.vault()?.id, &grant.operation().name);
        let mut is_first = true;
        while purge_some(&rooms.keys, vault, name, is_first)? {
            is_first = false;
        }
        Ok(())
    }
}

/// Takes away as much as one transaction may; whether there is more. The current version goes first, so that nothing of what is left is
/// listed or recovered, and the record says that its time has come: after a crash the daemon goes on by itself.
fn purge_some(keys: &Keys, vault: Id, name: &str, is_first: bool) -> Result<bool> {
    keys.write(|_| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let secret = match vault.secrets.get_deleted(name) {
            Some(secret) => secret,
            None if is_first => {
                return Err(Error::new(ErrorCode::SecretNotFound, format!("no deleted secret '{name}'")));
            }
            None => return Ok((Vec::new(), false)),
        };
        let now = clock::now_seconds();
        check(vault, secret, now)?;
        let row_name = row::secret(vault.id, &name.to_ascii_lowercase());
        let newest_first = secret.versions.iter().rev().take(VERSIONS_AT_ONCE);
        let mut entries = Vec::new();
        for version in newest_first {
            let id = Id::from_bytes(&version.id)?;
            entries.push(Entry::delete(row::secret_value(vault.id, id)));
            entries.push(Entry::delete(row::secret_version(vault.id, id)));
        }
        let more = secret.versions.len() > VERSIONS_AT_ONCE;
        entries.push(match more {
            true => Entry::put(row_name, &SecretRecord { scheduled_purge: Some(now), ..(*secret.record).clone() }),
            false => Entry::delete(row_name),
        });
        Ok((entries, more))
    })
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
