//! C_SetAttributeValue: what describes an object may change; what it may do only narrows (`key_change.rs`).

use std::{collections::BTreeMap, sync::Arc};

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1;

use super::{
    Audited, Operation,
    find_objects::Found,
    key_change,
    new_object::{self, resealed},
    template::Template,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        face::{self, Face},
        ledger::Entry,
        record::{KeyPolicy, ObjectRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, Subject, VaultName, profile::Rules},
    workers::Lane,
};

/// What to change of which object.
pub struct SetAttributes {
    vault: Id,
    object: KeyName,
    template: Template,
    trust: Option<bool>,
}

impl SetAttributes {
    /// Checks what the application asks for.
    pub fn parse(vault: Id, object: KeyName, template: Vec<v1::Attribute>) -> Result<Self> {
        let mut template = Template::parse(template)?;
        let trust = template.flag(ck::CKA_TRUSTED)?;
        if trust.is_some() && !template.kinds().is_empty() {
            return Err(Error::new(ErrorCode::AttributeReadOnly, "CKA_TRUSTED is set by itself"));
        }
        Ok(Self { vault, object, template, trust })
    }
}

fn fixed() -> Error {
    Error::new(ErrorCode::ActionProhibited, "the object may not be modified")
}

impl Operation for SetAttributes {
    const NAME: &'static str = "object.update";
    const PERMISSION: Permission = Permission::Update;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.object.clone())
    }

    fn permission(&self) -> Permission {
        match (&self.trust, &self.object) {
            (Some(_), _) => Permission::SetTrust,
            (None, KeyName::Sealed(_)) => Permission::UseOwnObject,
            _ => Self::PERMISSION,
        }
    }

    fn audited(&self) -> Audited {
        if let KeyName::Sealed(_) = self.object { Audited::Use } else { Self::AUDITED }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        let (vault, template, trust) = (operation.vault, operation.template.clone(), operation.trust);
        match (&operation.object, grant.subject()?) {
            (KeyName::Sealed(_), subject) => change_session_object(rooms, &grant, vault, subject, template, trust),
            (_, Subject::Key { version, class }) => change_stored(rooms, vault, version.id, *class, template, trust),
            (_, Subject::Object(record)) => {
                change_stored(rooms, vault, Id::from_bytes(&record.id)?, record.class, template, trust)
            }
        }
    }
}

fn change_stored(
    rooms: &Unsealed,
    vault: Id,
    id: Id,
    class: u64,
    template: Template,
    trust: Option<bool>,
) -> Result<Found> {
    let keys = &rooms.keys;
    keys.write(|_| {
        let gone = || Error::key_not_found(&id.to_string());
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(gone)?;
        let face = vault.face(id, class).ok_or_else(gone)?;
        check_modifiable(face, trust)?;
        let rules = Rules::of(&vault.record)?;
        if let Some(version) = vault.version(id) {
            if class == ck::CKO_CERTIFICATE {
                return Err(fixed());
            }
            let record = change_key(version, class, face, template, trust, Some(rules))?;
            let mut rows = vec![Entry::put(row::version(vault.id, id), &record)];
            if let Some(policy) = record.policy.as_ref().filter(|policy| **policy != version.policy) {
                rules.check_key(policy)?;
                rows.push(keys.reseal_version(vault, version, policy)?);
            }
            return Ok((rows, ()));
        }
        let record = vault.object(id).ok_or_else(gone)?;
        let record = match vault.public_key(id) {
            Some(version) => {
                let changed = change_key(version, class, face, template, trust, Some(rules))?;
                let (policy, attributes) = (changed.policy, changed.public_attributes);
                ObjectRecord { policy, attributes, ..ObjectRecord::clone(record) }
            }
            None => {
                let (mut record, value) = change_other(record, face, template, trust)?;
                if let Some(value) = value {
                    record.sealed_value =
                        if value.is_empty() { Vec::new() } else { keys.seal_value(vault, id, &value)? };
                }
                record
            }
        };
        Ok((vec![Entry::put(row::object(vault.id, id), &record)], ()))
    })?;
    let mut found = new_object::show(rooms, vault, id)?;
    found.faces.retain(|face| face.class == class);
    Ok(found)
}

fn change_session_object(
    rooms: &Unsealed,
    grant: &Authorized<SetAttributes>,
    vault: Id,
    subject: &Subject,
    template: Template,
    trust: Option<bool>,
) -> Result<Found> {
    let caller = grant.caller();
    let shown = |faces: Vec<Face>| faces.into_iter().next().ok_or_else(|| Error::internal("an object without a face"));
    let face = match subject {
        Subject::Key { version, class } => {
            let face = shown(face::of_version(version, ""))?;
            check_modifiable(&face, trust)?;
            let record = change_key(version, *class, &face, template, trust, None)?;
            resealed::key(rooms, caller, vault, version, record)?
        }
        Subject::Object(record) => {
            let face = shown(face::of_object(Id::from_bytes(&record.id)?, record).into_iter().collect())?;
            check_modifiable(&face, trust)?;
            let (mut changed, value) = change_other(record, &face, template, trust)?;
            let value = match value {
                Some(value) => value,
                None if face.private => changed.attributes.get(&ck::CKA_VALUE).cloned().unwrap_or_default(),
                None => Vec::new(),
            };
            if face.private && changed.class == ck::CKO_DATA {
                changed.attributes.remove(&ck::CKA_VALUE);
            }
            resealed::object(rooms, caller, vault, changed, &value)?
        }
    };
    let revision = rooms.keys.catalog.view().vault(vault).map_or(0, |vault| vault.revision);
    Ok(Found { faces: vec![Arc::new(face)], revision, more: false })
}

/// CKA_MODIFIABLE false holds for the application, not for the security officer's trust.
fn check_modifiable(face: &Face, trust: Option<bool>) -> Result<()> {
    let is_fixed = face.attributes.get(&ck::CKA_MODIFIABLE).is_some_and(|flag| flag[..] == [0]);
    if is_fixed && trust.is_none() { Err(fixed()) } else { Ok(()) }
}

fn change_key(
    version: &Version,
    class: u64,
    face: &Face,
    mut template: Template,
    trust: Option<bool>,
    rules: Option<Rules>,
) -> Result<VersionRecord> {
    let mut policy = version.policy.clone();
    if let Some(trust) = trust {
        set_trust(&mut policy, class, trust)?;
    }
    key_change::apply(&mut policy, class, &mut template, rules)?;
    let described = describe(template, face)?;
    let mut record = VersionRecord { updated: clock::now_seconds(), policy: Some(policy), ..version.record.clone() };
    match class {
        ck::CKO_PUBLIC_KEY => record.public_attributes.extend(described),
        _ => record.private_attributes.extend(described),
    }
    Ok(record)
}

fn set_trust(policy: &mut KeyPolicy, class: u64, trust: bool) -> Result<()> {
    policy.ever_trusted |= trust;
    match (class, &mut policy.public) {
        (ck::CKO_PUBLIC_KEY, Some(public)) => public.trusted = trust,
        (ck::CKO_SECRET_KEY, _) => policy.trusted = trust,
        _ => return Err(Error::new(ErrorCode::AttributeInvalid, "an object of this class has no CKA_TRUSTED")),
    }
    Ok(())
}

/// What describes the object. Anything else must be as it is.
fn describe(template: Template, face: &Face) -> Result<BTreeMap<u64, Vec<u8>>> {
    let (described, rest) = template.split();
    rest.check_against(face).map_err(|error| Error { code: ErrorCode::AttributeReadOnly, ..error })?;
    Ok(described)
}

/// A certificate or data object with its changes, and its new value if that is for its readers alone.
fn change_other(
    record: &ObjectRecord,
    face: &Face,
    mut template: Template,
    trust: Option<bool>,
) -> Result<(ObjectRecord, Option<Vec<u8>>)> {
    let mut record = record.clone();
    if let Some(trust) = trust {
        if record.class != ck::CKO_CERTIFICATE {
            return Err(Error::new(ErrorCode::AttributeInvalid, "an object of this class has no CKA_TRUSTED"));
        }
        record.attributes.insert(ck::CKA_TRUSTED, vec![u8::from(trust)]);
    }
    for kind in [ck::CKA_MODIFIABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE] {
        if template.peek_flag(kind)? == Some(false) {
            template.flag(kind)?;
            record.attributes.insert(kind, vec![0]);
        }
    }
    let mut value = None;
    if record.class == ck::CKO_DATA
        && let Some(given) = template.bytes(ck::CKA_VALUE)
    {
        match face.private {
            true => value = Some(given),
            false => drop(record.attributes.insert(ck::CKA_VALUE, given)),
        }
    }
    record.attributes.extend(describe(template, face)?);
    Ok((record, value))
}
