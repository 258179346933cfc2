//! Finds what an operation names: a version of a key, one of a key's objects, another object, or a session object that came with the
//! request. Who may have it is decided elsewhere.

use std::sync::Arc;

use cryptoki_sys as ck;

use super::KeyName;
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::Caller,
    keys::{
        Keys,
        catalog::{Key, Vault, Version},
        face::as_flag,
        record::ObjectRecord,
        session::SessionObject,
    },
};

/// What an operation works with.
#[derive(Clone)]
pub enum Subject {
    /// A key, as its private, secret or public object.
    Key {
        /// The key.
        version: Arc<Version>,
        /// CKO_* of the object that is meant.
        class: u64,
    },
    /// A certificate or data object.
    Object(Arc<ObjectRecord>),
}

impl Subject {
    /// The key; the error is the caller's for having named something else.
    pub fn version(&self) -> Result<&Arc<Version>> {
        match self {
            Subject::Key { version, .. } => Ok(version),
            Subject::Object(_) => Err(Error::new(ErrorCode::KeyTypeMismatch, "the object is no key")),
        }
    }

    /// The object that is no key.
    pub fn object(&self) -> Result<&Arc<ObjectRecord>> {
        match self {
            Subject::Object(record) => Ok(record),
            Subject::Key { .. } => Err(Error::new(ErrorCode::KeyTypeMismatch, "the object is a key")),
        }
    }

    /// CKO_*.
    pub fn class(&self) -> u64 {
        match self {
            Subject::Key { class, .. } => *class,
            Subject::Object(record) => record.class,
        }
    }

    /// CKA_PRIVATE.
    pub fn is_private(&self) -> bool {
        match self {
            Subject::Key { version, class } => version.policy.is_private(*class),
            Subject::Object(record) => {
                record.attributes.get(&ck::CKA_PRIVATE).and_then(|value| as_flag(value)).unwrap_or(false)
            }
        }
    }

    fn of_version(version: &Arc<Version>) -> Self {
        Subject::Key { version: version.clone(), class: version.class() }
    }
}

/// Finds it.
pub(super) fn find(keys: &Keys, vault: &Vault, caller: &Caller, name: &KeyName) -> Result<Subject> {
    let found = match name {
        KeyName::Sealed(blob) => {
            return Ok(match keys.open_session(vault, &caller.opener(), blob)? {
                SessionObject::Key(version) => Subject::of_version(&version),
                SessionObject::Other(record) => Subject::Object(record),
            });
        }
        KeyName::Object(id, class) => find_object(vault, *id, *class)?,
        KeyName::Version(id) => vault.version(*id).or_refuse(vault.is_damaged(*id))?.and_then(usable),
        KeyName::Named(name, None) => {
            let key = vault.key(name);
            let should_be_there = key.is_some() || vault.is_name_damaged(name);
            key.and_then(Key::current).or_refuse(should_be_there)?.and_then(usable)
        }
        KeyName::Named(name, Some(id)) => {
            let version = vault.key(name).and_then(|key| key.versions.iter().find(|version| version.id == *id));
            version.or_refuse(vault.is_damaged(*id) || vault.is_name_damaged(name))?.and_then(usable)
        }
    };
    found.ok_or_else(|| Error::key_not_found(&name.to_string()))
}

fn usable(version: &Arc<Version>) -> Option<Subject> {
    (!version.record.private_hidden).then(|| Subject::of_version(version))
}

fn find_object(vault: &Vault, id: Id, class: u64) -> Result<Option<Subject>> {
    let version = vault.version(id).or_refuse(vault.is_damaged(id))?;
    Ok(match class {
        ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY => version.filter(|version| version.class() == class).and_then(usable),
        ck::CKO_PUBLIC_KEY => {
            let half = version.filter(|version| version.public.is_some() && !version.record.public_hidden);
            half.or_else(|| vault.public_key(id)).map(|version| Subject::Key { version: version.clone(), class })
        }
        _ => match vault.object(id) {
            Some(record) => Some(record.clone()).filter(|record| record.class == class && !record.hidden),
            // The certificate published beside a key has no record of its own.
            None => vault.face(id, class).map(|face| {
                let attributes = face.attributes.iter().map(|(kind, value)| (*kind, value.to_vec())).collect();
                Arc::new(ObjectRecord { id: id.0.to_vec(), class, attributes, ..ObjectRecord::default() })
            }),
        }
        .map(Subject::Object),
    })
}

/// What is not found although it should be there is an error of its own, never "not found".
trait OrRefuse: Sized {
    fn or_refuse(self, should_be_there: bool) -> Result<Self>;
}

impl<T> OrRefuse for Option<T> {
    fn or_refuse(self, should_be_there: bool) -> Result<Self> {
        if self.is_none() && should_be_there {
            return Err(Error::new(ErrorCode::RecordDamaged, "the key's stored record fails its integrity check"));
        }
        Ok(self)
    }
}
