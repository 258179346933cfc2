//! The rows of a new version of a secret, however it comes about: set, restored, or made with a certificate.

use std::collections::BTreeMap;

use softkeep_proto::limits::{MAX_CONTENT_TYPE_BYTES, MAX_SECRET_VALUE_BYTES};
use zeroize::Zeroizing;

use super::names;
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::Vault,
        ledger::{Counters, Entry},
        record::{FORMAT, SecretPolicy, SecretRecord, SecretVersionRecord, row},
    },
};

/// A version of a secret that is to be written. It has no `Debug`: it holds the value.
pub struct NewSecret {
    /// The secret's name.
    pub name: String,
    /// The version's id; a certificate's secret has its certificate's.
    pub version: Id,
    /// The value.
    pub value: Zeroizing<Vec<u8>>,
    /// What the value is, in the caller's words.
    pub content_type: String,
    /// Whether it may be read.
    pub enabled: bool,
    /// For who reads it; nothing here refuses to tell an early one.
    pub not_before: Option<i64>,
    /// For who reads it; nothing here refuses to tell a late one.
    pub expires: Option<i64>,
    /// The caller's own.
    pub tags: BTreeMap<String, String>,
    /// It belongs to the certificate of the same name.
    pub managed: bool,
    /// The idempotency key, or empty.
    pub request_id: String,
}

/// The rows of a new version, which becomes the current one, and of its secret. The caller has checked the value and the words.
pub fn entries(keys: &Keys, vault: &Vault, counters: &mut Counters, new: NewSecret) -> Result<Vec<Entry>> {
    let now = clock::now_seconds();
    let name = new.name.to_ascii_lowercase();
    check_name_free(vault, &new.name, new.managed)?;
    let record = match vault.secrets.get(&name) {
        Some(secret) => SecretRecord { current: new.version.0.to_vec(), ..(*secret.record).clone() },
        None => SecretRecord {
            name: new.name,
            created: now,
            current: new.version.0.to_vec(),
            managed: new.managed,
            ..SecretRecord::default()
        },
    };
    let version = SecretVersionRecord {
        id: new.version.0.to_vec(),
        secret: name.clone(),
        ordinal: counters.take_ordinal(),
        created: now,
        updated: now,
        enabled: new.enabled,
        not_before: new.not_before,
        expires: new.expires,
        tags: new.tags,
        content_type: new.content_type,
        request_id: new.request_id,
        policy: Some(policy(keys, vault, new.version, new.managed)),
    };
    let [version, value] = version_entries(keys, vault, &version, &new.value)?;
    Ok(vec![Entry::put(row::secret(vault.id, &name), &record), version, value])
}

/// What the value of a version in this vault is bound to.
pub fn policy(keys: &Keys, vault: &Vault, version: Id, managed: bool) -> SecretPolicy {
    SecretPolicy {
        format: FORMAT.into(),
        cluster: keys.cluster.0.to_vec(),
        vault: vault.id.0.to_vec(),
        version: version.0.to_vec(),
        kek_version: vault.record.kek_version,
        managed,
    }
}

/// The two rows of a version whose record is complete.
pub fn version_entries(keys: &Keys, vault: &Vault, record: &SecretVersionRecord, value: &[u8]) -> Result<[Entry; 2]> {
    let id = Id::from_bytes(&record.id)?;
    let policy = record.policy.as_ref().ok_or_else(|| Error::internal("a new secret without a policy"))?;
    Ok([Entry::put(row::secret_version(vault.id, id), record), keys.seal_secret(vault, policy, value)?])
}

/// Whether a version may be written under a name: not while something deleted or damaged has it, and a certificate's secret and one's own
/// never take each other's.
pub fn check_name_free(vault: &Vault, name: &str, managed: bool) -> Result<()> {
    if vault.is_secret_name_damaged(name) {
        let detail = format!("the record of the secret '{name}' is damaged; its name is not free");
        return Err(Error::new(ErrorCode::RecordDamaged, detail));
    }
    match vault.secrets.get_any(name) {
        Some(secret) if secret.record.deleted.is_some() => {
            let why = format!(
                "secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, \
                 the secret can only be recovered or purged"
            );
            Err(Error::new(ErrorCode::NameDeleted, why))
        }
        Some(secret) if secret.record.managed && !managed => Err(Error::new(
            ErrorCode::ManagedObject,
            format!("the secret '{name}' belongs to the certificate of that name"),
        )),
        Some(secret) if !secret.record.managed && managed => Err(Error::new(
            ErrorCode::AlreadyExists,
            format!("a secret '{name}' is there that belongs to no certificate"),
        )),
        _ => Ok(()),
    }
}

/// Key Vault's bounds for a value and its content type. Says nothing of the value but its length.
pub fn check(value: &[u8], content_type: &str) -> Result<()> {
    if value.len() > MAX_SECRET_VALUE_BYTES {
        let why = format!("a secret has at most {MAX_SECRET_VALUE_BYTES} bytes, not {}", value.len());
        return Err(Error::new(ErrorCode::InvalidArgument, why));
    }
    if content_type.len() > MAX_CONTENT_TYPE_BYTES {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("a content type has at most {MAX_CONTENT_TYPE_BYTES} bytes, not {}", content_type.len()),
        ));
    }
    Ok(())
}

/// Key Vault's rule for the names of secrets, which is that for keys.
pub fn check_name(name: &str) -> Result<()> {
    if names::is_key_name(name) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, "a secret name has 1 to 127 letters, digits and hyphens"))
}

/// An end before the beginning is a mistake.
pub fn check_times(not_before: Option<i64>, expires: Option<i64>) -> Result<()> {
    match (not_before, expires) {
        (Some(start), Some(end)) if end <= start => {
            Err(Error::new(ErrorCode::InvalidArgument, "the secret would expire before it becomes valid"))
        }
        _ => Ok(()),
    }
}
