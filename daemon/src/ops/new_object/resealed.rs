//! Session objects sealed again with other attributes. Number and secret stay.

use super::session::{scope, seal_object};
use crate::{
    error::{Error, Result},
    id::Id,
    identity::Caller,
    keys::{
        catalog::Version,
        face::{self, Face},
        record::{ObjectRecord, VersionRecord},
        session::{Scope, SessionRecord},
    },
    pipeline::Unsealed,
};

/// A key.
pub fn key(rooms: &Unsealed, caller: &Caller, vault: Id, version: &Version, record: VersionRecord) -> Result<Face> {
    let changed = Version::parse(vault, record, Some(zeroize::Zeroizing::default()))?;
    let shown = face::of_version(&changed, "").into_iter().next();
    let mut face = shown.ok_or_else(|| Error::internal("a session key without an object"))?;
    let scope = scope(caller, face.private)?;
    let record = SessionRecord {
        vault: vault.0.to_vec(),
        for_login: matches!(scope, Scope::Login(_)),
        version: Some(changed.record),
        object: None,
    };
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    face.sealed = rooms.keys.reseal_session(vault, &scope, &record, version)?;
    Ok(face)
}

/// Another object; `value` is what only its readers are told.
pub fn object(rooms: &Unsealed, caller: &Caller, vault: Id, record: ObjectRecord, value: &[u8]) -> Result<Face> {
    seal_object(rooms, caller, vault, record, value)
}
