//! What creating, importing and generating a key have in common: the rows of a new version, with its key when that is new too.

use std::collections::HashSet;

use cryptoki_sys as ck;
use softkeep_proto::algorithm::SignScheme;
use zeroize::Zeroizing;

use super::names;
use crate::{
    clock,
    crypto::{self, key_info, self_signed},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Key, Vault, Version},
        ledger::{Counters, Entry},
        record::{KeyRecord, Ops, VersionRecord, row},
    },
    pipeline::Unsealed,
};

mod wishes;

pub use wishes::{
    Wishes, check_ops, check_sku, check_window, generation_mechanism, parse_key_type, parse_ops, possible_ops,
};

/// Which key the version is of.
pub enum Naming {
    /// This one, new or already there.
    Exactly(String),
    /// A new one, after the label where that is legal and free.
    After(String),
}

/// A key that is to become a version: its record, complete but for its number and place, and its secret (PKCS#8 or bytes).
pub struct NewVersion {
    /// The record.
    pub record: VersionRecord,
    /// The secret.
    pub material: Zeroizing<Vec<u8>>,
    /// The version's id, where what it belongs to has one already; `None` makes one.
    pub id: Option<Id>,
    /// Whether it belongs to the certificate of the same name, which changes and deletes it.
    pub managed: bool,
}

impl NewVersion {
    /// A key of its own.
    pub fn new(record: VersionRecord, material: Zeroizing<Vec<u8>>) -> Self {
        Self { record, material, id: None, managed: false }
    }
}

/// Writes the version, and its key if that is new. Returns the version's id; a repeated request id gives the first one's.
pub fn write(rooms: &Unsealed, vault: Id, naming: &Naming, mut new: NewVersion) -> Result<Id> {
    let keys = &rooms.keys;
    publish(keys, vault, naming, &mut new)?;
    let written = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let mut names = HashSet::new();
        let mut written = entries(keys, vault, counters, naming, new, &mut names)?;
        Ok((std::mem::take(&mut written.entries), written))
    })?;
    written.note(rooms)?;
    Ok(written.id)
}

/// What an earlier request with this id made; and the refusal that [`entries`] would end with, before the work.
pub fn look_ahead(rooms: &Unsealed, vault: Id, naming: &Naming, request_id: &str) -> Result<Option<Id>> {
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    let made = made_before(vault, naming, request_id)?;
    if made.is_none() {
        choose_name(vault, naming, Id::default(), false, &HashSet::new())?;
    }
    Ok(made)
}

/// What was written.
pub struct Written {
    /// The version.
    pub id: Id,
    /// The rows.
    pub entries: Vec<Entry>,
    /// The version that was made; `None` when an earlier request made it.
    pub version: Option<Version>,
    published: Option<(String, String)>,
}

impl Written {
    /// Puts the certificate on record that was published with the key.
    pub fn note(&self, rooms: &Unsealed) -> Result<()> {
        let Some((vault, name)) = &self.published else { return Ok(()) };
        let detail = Some("self-signed, beside its key".into());
        rooms.audit.note("certificate.publish", Some(vault), Some(name), detail)
    }
}

/// The rows of a new version. `names` are those that this transaction has taken so far.
pub fn entries(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    naming: &Naming,
    new: NewVersion,
    names: &mut HashSet<String>,
) -> Result<Written> {
    let NewVersion { mut record, material, id, managed } = new;
    if let Some(id) = made_before(vault, naming, &record.request_id)? {
        return Ok(Written { id, entries: Vec::new(), version: None, published: None });
    }
    let id = id.map_or_else(Id::random, Ok)?;
    let name = choose_name(vault, naming, id, managed, names)?;
    names.insert(name.to_ascii_lowercase());
    let now = clock::now_seconds();
    let last = vault.key(&name).and_then(Key::current).and_then(|last| relabelled(vault.id, last));
    let key = match vault.key(&name) {
        Some(key) => KeyRecord { current: id.0.to_vec(), ..(*key.record).clone() },
        None => {
            let current = id.0.to_vec();
            KeyRecord { name: name.clone(), created: now, current, managed, ..KeyRecord::default() }
        }
    };
    record.id = id.0.to_vec();
    record.key = name.to_ascii_lowercase();
    record.ordinal = counters.take_ordinal();
    (record.created, record.updated) = (now, now);
    let mut policy = record.policy.take().ok_or_else(|| Error::internal("a new version without a policy"))?;
    (policy.cluster, policy.vault, policy.version) = (keys.cluster.0.to_vec(), vault.id.0.to_vec(), id.0.to_vec());
    policy.kek_version = vault.record.kek_version;
    let mut entries = vec![
        Entry::put(row::key(vault.id, &record.key), &key),
        keys.seal_version(vault, &policy, &material)?,
        Entry::put(row::version(vault.id, id), &{
            record.policy = Some(policy);
            record.clone()
        }),
    ];
    entries.extend(last);
    let published = (!record.certificate_der.is_empty()).then(|| (vault.record.name.clone(), name));
    Ok(Written { id, entries, version: Some(Version::parse(vault.id, record, None)?), published })
}

/// The row of the version that was current until now, where a program gave it a label: the plain label goes to the new one, as the
/// plain name does.
fn relabelled(vault: Id, last: &Version) -> Option<Entry> {
    let mut record = last.record.clone();
    let mut changed = false;
    for attributes in [&mut record.private_attributes, &mut record.public_attributes] {
        if let Some(label) = attributes.get_mut(&ck::CKA_LABEL).filter(|label| !label.is_empty()) {
            label.extend(format!("/{}", last.id).bytes());
            changed = true;
        }
    }
    changed.then(|| Entry::put(row::version(vault, last.id), &record))
}

/// What an earlier request with this id made. Of a key that was named, it must have made a version of just that one.
fn made_before(vault: &Vault, naming: &Naming, request_id: &str) -> Result<Option<Id>> {
    let Some(id) = vault.made_by(request_id) else { return Ok(None) };
    let same = match naming {
        Naming::Exactly(name) => {
            vault.version(id).is_some_and(|version| version.record.key == name.to_ascii_lowercase())
        }
        Naming::After(_) => true,
    };
    if same {
        return Ok(Some(id));
    }
    Err(Error::new(ErrorCode::InvalidArgument, "this request id was used for something else"))
}

/// Refuses to change by itself what the certificate of the same name changes.
pub fn check_not_managed(key: &KeyRecord) -> Result<()> {
    if !key.managed {
        return Ok(());
    }
    let refusal = format!("the key '{0}' belongs to the certificate '{0}', which changes and deletes it", key.name);
    Err(Error::new(ErrorCode::ManagedObject, refusal))
}

fn choose_name(vault: &Vault, naming: &Naming, id: Id, managed: bool, taken: &HashSet<String>) -> Result<String> {
    match naming {
        Naming::Exactly(name) => {
            if vault.is_name_damaged(name) {
                let detail = format!("the record of the key '{name}' is damaged; its name is not free");
                return Err(Error::new(ErrorCode::RecordDamaged, detail));
            }
            if vault.is_name_taken(name) && vault.key(name).is_none() {
                return Err(Error::new(
                    ErrorCode::NameDeleted,
                    format!("the key '{name}' is deleted but recoverable; its name is not free"),
                ));
            }
            match vault.key(name).map(|key| &key.record) {
                Some(key) if !managed => check_not_managed(key)?,
                Some(key) if !key.managed => {
                    let refusal = format!("there is a key '{name}' that belongs to no certificate");
                    return Err(Error::new(ErrorCode::AlreadyExists, refusal));
                }
                Some(_) | None => {}
            }
            // A new version keeps the name as it was first written.
            Ok(vault.key(name).map_or_else(|| name.clone(), |key| key.record.name.clone()))
        }
        Naming::After(label)
            if names::is_key_name(label)
                && !vault.is_name_taken(label)
                && !taken.contains(&label.to_ascii_lowercase()) =>
        {
            Ok(label.clone())
        }
        Naming::After(_) => {
            let id = id.to_string();
            Ok(format!("key-{}", id.get(..16).unwrap_or(&id)))
        }
    }
}

/// A published certificate outlives any key that is rotated as it should be.
const CERTIFICATE_SECONDS: i64 = 20 * 365 * 24 * 3600;
/// Clients' clocks may be a little behind.
const CERTIFICATE_BACKDATE_SECONDS: i64 = 24 * 3600;

/// Puts the self-signed certificate into the record that the vault publishes beside a key that signs, if it does.
pub fn publish(keys: &Keys, vault: Id, naming: &Naming, new: &mut NewVersion) -> Result<()> {
    let wanted = keys.catalog.view().vault(vault).is_some_and(|vault| vault.record.publish_certificates);
    let signs = new.record.policy.as_ref().is_some_and(|policy| policy.operations().contains(Ops::SIGN));
    if !wanted || !signs || new.record.public_key_der.is_empty() {
        return Ok(());
    }
    let public = key_info::public_info(&new.record.public_key_der)?;
    if !self_signed::can_certify(public.key_type) {
        return Ok(());
    }
    let (Naming::Exactly(name) | Naming::After(name)) = naming;
    let own_label = new.record.private_attributes.get(&ck::CKA_LABEL);
    let label = own_label.and_then(|label| std::str::from_utf8(label).ok()).unwrap_or(name);
    // X.520 gives a common name 64 characters.
    let common_name: String = if label.is_empty() { "softkeep".into() } else { label.chars().take(64).collect() };
    let mut serial = [0; 16];
    crypto::fill_random(&mut serial)?;
    let now = clock::now_seconds();
    let key = keys.backend.open(&new.material)?;
    let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
    let (start, end) = (now - CERTIFICATE_BACKDATE_SECONDS, now + CERTIFICATE_SECONDS);
    new.record.certificate_der = self_signed::certificate(&common_name, &public, start, end, serial, &sign)?;
    Ok(())
}
