//! Writes token objects: the rows of all objects of one request in one transaction.

use std::{collections::HashSet, sync::Arc};

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;

use super::{Draft, KeyDraft, OtherDraft};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Vault, Version},
        face::{self, Face},
        ledger::{Counters, Entry},
        record::{KeyPolicy, ObjectRecord, Ops, VersionRecord, row},
    },
    ops::{
        new_version::{self, Naming, NewVersion, Written},
        template::Template,
    },
    pipeline::Unsealed,
};

/// A draft with all that was worked out before the lock is taken.
enum Prepared {
    Version { naming: Naming, new: NewVersion, class: Option<u64>, rest: Template, public_rest: Template },
    PublicKey { record: VersionRecord, rest: Template },
    Other { draft: OtherDraft, request_id: String },
}

/// One object of the request, written.
struct Made {
    id: Id,
    /// The one object that was asked for; `None` for all of that id.
    class: Option<u64>,
    written: Option<Written>,
}

/// Writes them, each with its request id, and shows what was asked for.
pub(super) fn write(rooms: &Unsealed, vault: Id, drafts: Vec<(Draft, String)>) -> Result<Vec<Arc<Face>>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let keys = &rooms.keys;
    let prepared: Vec<_> =
        drafts.into_iter().map(|(draft, id)| prepare(keys, vault, draft, id)).collect::<Result<_>>()?;
    let made = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let (mut entries, mut made, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for object in prepared {
            let (rows, one) = rows_of(keys, vault, counters, object, &mut names)?;
            entries.extend(rows);
            made.push(one);
        }
        Ok((entries, made))
    })?;
    made.iter().filter_map(|one| one.written.as_ref()).try_for_each(|written| written.note(rooms))?;
    let view = keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    let shown = made.iter().flat_map(|one| {
        let faces = vault.faces_of(one.id).into_iter();
        faces.filter(|face| one.class.is_none_or(|class| face.class == class))
    });
    Ok(shown.collect())
}

fn prepare(keys: &Keys, vault: Id, draft: Draft, request_id: String) -> Result<Prepared> {
    let mut draft = match draft {
        Draft::Other(draft) => return Ok(Prepared::Other { draft, request_id }),
        Draft::Key(draft) => draft,
    };
    let KeyDraft { class, pair, .. } = *draft;
    let (rest, public_rest) = (std::mem::take(&mut draft.rest), std::mem::take(&mut draft.public_rest));
    let naming = Naming::After(std::mem::take(&mut draft.label));
    let (record, material) = draft.into_record(request_id)?;
    if class == ck::CKO_PUBLIC_KEY {
        return Ok(Prepared::PublicKey { record, rest: public_rest });
    }
    let record = VersionRecord { public_derived: !pair && class == ck::CKO_PRIVATE_KEY, ..record };
    let mut new = NewVersion::new(record, material);
    new_version::publish(keys, vault, &naming, &mut new)?;
    Ok(Prepared::Version { naming, new, class: (!pair).then_some(class), rest, public_rest })
}

fn rows_of(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    object: Prepared,
    names: &mut HashSet<String>,
) -> Result<(Vec<Entry>, Made)> {
    match object {
        Prepared::Version { naming, new, class, rest, public_rest } => {
            let mut written = new_version::entries(keys, vault, counters, &naming, new, names)?;
            if let Some(version) = &written.version {
                check_said(version, &rest, &public_rest)?;
            }
            let rows = std::mem::take(&mut written.entries);
            Ok((rows, Made { id: written.id, class, written: Some(written) }))
        }
        Prepared::PublicKey { record, rest } => {
            let class = Some(ck::CKO_PUBLIC_KEY);
            if let Some(id) = vault.made_by(&record.request_id) {
                return Ok((Vec::new(), Made { id, class, written: None }));
            }
            let (rows, version) = match derived_half(vault, &record) {
                Some(version) => take_place(keys, vault, &version, record)?,
                None => public_object(keys, vault, counters, record)?,
            };
            check_said(&version, &Template::default(), &rest)?;
            Ok((rows, Made { id: version.id, class, written: None }))
        }
        Prepared::Other { draft, request_id } => {
            let class = Some(draft.class);
            if let Some(id) = vault.made_by(&request_id) {
                return Ok((Vec::new(), Made { id, class, written: None }));
            }
            let (rows, id) = other_object(keys, vault, counters, draft, request_id)?;
            Ok((rows, Made { id, class, written: None }))
        }
    }
}

/// Holds what the application said besides against the objects it gets.
fn check_said(version: &Version, rest: &Template, public_rest: &Template) -> Result<()> {
    for face in face::of_version(version, &version.record.key) {
        match face.class {
            ck::CKO_PUBLIC_KEY => public_rest.check_against(&face)?,
            ck::CKO_CERTIFICATE => {}
            _ => rest.check_against(&face)?,
        }
    }
    Ok(())
}

/// The key whose public object nobody asked for, if this is that object.
fn derived_half(vault: &Vault, record: &VersionRecord) -> Option<Arc<Version>> {
    let wanted = Attribute { r#type: ck::CKA_PUBLIC_KEY_INFO, value: record.public_key_der.clone().into() };
    let found = vault.find(&[wanted], |face| face.class == ck::CKO_PRIVATE_KEY);
    found.iter().filter_map(|face| vault.version(face.unique_id)).find(|version| can_take_place(version)).cloned()
}

fn can_take_place(version: &Version) -> bool {
    let trusted = version.policy.is_trusted(ck::CKO_PUBLIC_KEY);
    version.record.public_derived && !version.policy.is_home_grown() && !trusted
}

/// The application's own public object instead of the one that came with the private key: two would be found where programs expect one.
fn take_place(keys: &Keys, vault: &Vault, version: &Version, own: VersionRecord) -> Result<(Vec<Entry>, Version)> {
    let own_policy = own.policy.unwrap_or_default();
    let ops = version.ops().only(Ops::PRIVATE_HALF).and(own_policy.operations());
    let policy = KeyPolicy {
        ops: ops.0,
        ever_ops: version.policy.ever().and(ops).0,
        public: own_policy.public,
        ..version.policy.clone()
    };
    let blob = keys.reseal_version(vault, version, &policy)?;
    let record = VersionRecord {
        updated: clock::now_seconds(),
        policy: Some(policy),
        public_attributes: own.public_attributes,
        public_hidden: false,
        public_derived: false,
        ..version.record.clone()
    };
    let rows = vec![Entry::put(row::version(vault.id, version.id), &record), blob];
    Ok((rows, Version::parse(vault.id, record, None)?))
}

fn public_object(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    record: VersionRecord,
) -> Result<(Vec<Entry>, Version)> {
    let id = Id::random()?;
    let mut policy = record.policy.unwrap_or_default();
    (policy.cluster, policy.vault, policy.version) = (keys.cluster.0.to_vec(), vault.id.0.to_vec(), id.0.to_vec());
    let object = ObjectRecord {
        id: id.0.to_vec(),
        class: ck::CKO_PUBLIC_KEY,
        ordinal: counters.take_ordinal(),
        attributes: record.public_attributes,
        request_id: record.request_id,
        policy: Some(policy),
        public_key_der: record.public_key_der,
        created: clock::now_seconds(),
        ..ObjectRecord::default()
    };
    let version = Version::of_public_object(vault.id, &object)?;
    Ok((vec![Entry::put(row::object(vault.id, id), &object)], version))
}

fn other_object(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    draft: OtherDraft,
    request_id: String,
) -> Result<(Vec<Entry>, Id)> {
    let id = Id::random()?;
    let (mut record, value) = draft.into_record(request_id);
    record.id = id.0.to_vec();
    record.ordinal = counters.take_ordinal();
    if !value.is_empty() {
        record.sealed_value = keys.seal_value(vault, id, &value)?;
    }
    let mut rows: Vec<_> = match record.class {
        ck::CKO_CERTIFICATE => superseded(vault, &record)?,
        _ => Vec::new(),
    };
    rows.push(Entry::put(row::object(vault.id, id), &record));
    Ok((rows, id))
}

/// Most rows that one certificate may change: with more published certificates of one CKA_ID, something is wrong.
const MAX_SUPERSEDED: usize = 64;

/// Takes back the self-signed certificates that are no longer needed, now that a real one for that public key or CKA_ID is there.
fn superseded(vault: &Vault, record: &ObjectRecord) -> Result<Vec<Entry>> {
    let value = record.attributes.get(&ck::CKA_VALUE).map(Vec::as_slice).unwrap_or_default();
    let public = face::certificate_names(value)
        .and_then(|names| names.into_iter().find(|(kind, _)| *kind == ck::CKA_PUBLIC_KEY_INFO))
        .map(|(_, value)| value);
    let id = record.attributes.get(&ck::CKA_ID).filter(|id| !id.is_empty());
    let id = id.map(|id| bytes::Bytes::copy_from_slice(id));
    let wanted = [(ck::CKA_PUBLIC_KEY_INFO, public), (ck::CKA_ID, id)];
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for (kind, value) in wanted {
        let Some(value) = value else { continue };
        let wanted = Attribute { r#type: kind, value };
        for face in vault.find(&[wanted], |face| face.class == ck::CKO_CERTIFICATE) {
            let Some(version) = vault.version(face.unique_id).filter(|version| seen.insert(version.id)) else {
                continue;
            };
            let record = VersionRecord { certificate_der: Vec::new(), ..version.record.clone() };
            rows.push(Entry::put(row::version(vault.id, version.id), &record));
        }
    }
    if rows.len() > MAX_SUPERSEDED {
        return Err(Error::new(ErrorCode::Conflict, "too many keys have a published certificate with this CKA_ID"));
    }
    Ok(rows)
}
