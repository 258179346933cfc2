//! Seals session objects: each is given a number, and goes to whoever asked for it.

use std::sync::Arc;

use cryptoki_sys as ck;
use zeroize::Zeroizing;

use super::{Draft, KeyDraft, OtherDraft};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::Caller,
    keys::{
        catalog::Version,
        face::{self, Face},
        record::{KeyPolicy, ObjectRecord, VersionRecord},
        session::{Scope, SessionRecord},
    },
    ops::template::Template,
    pipeline::Unsealed,
};

/// For whom an object is sealed: a private one for the login, another for the program, so that it outlives the login as PKCS#11 wants.
pub(super) fn scope(caller: &Caller, private: bool) -> Result<Scope> {
    let opener = caller.opener();
    let login = opener.login.map(Scope::Login);
    let scope = if private { login } else { opener.application.map(Scope::Application).or(login) };
    scope.ok_or_else(|| Error::new(ErrorCode::Unauthenticated, "there is nobody to seal a session object for; log in"))
}

/// Seals an object, a pair as two.
pub(super) fn seal(rooms: &Unsealed, caller: &Caller, vault: Id, draft: Draft) -> Result<Vec<Arc<Face>>> {
    match draft {
        Draft::Key(key) => seal_keys(rooms, caller, vault, *key),
        Draft::Other(other) => Ok(vec![seal_other(rooms, caller, vault, other)?]),
    }
}

fn seal_keys(rooms: &Unsealed, caller: &Caller, vault: Id, mut draft: KeyDraft) -> Result<Vec<Arc<Face>>> {
    let (rest, public_rest) = (std::mem::take(&mut draft.rest), std::mem::take(&mut draft.public_rest));
    let (class, pair) = (draft.class, draft.pair);
    let (mut record, material) = draft.into_record(String::new())?;
    let id = Id::random()?;
    record.id = id.0.to_vec();
    record.created = clock::now_seconds();
    record.updated = record.created;
    let mut policy = record.policy.take().unwrap_or_default();
    (policy.cluster, policy.vault, policy.version) = (rooms.keys.cluster.0.to_vec(), vault.0.to_vec(), id.0.to_vec());
    record.policy = Some(policy);
    if class == ck::CKO_PUBLIC_KEY {
        let face = seal_key(rooms, caller, vault, record, Zeroizing::default(), Some(&public_rest))?;
        return Ok(vec![Arc::new(face)]);
    }
    let public = pair.then(|| public_half(&record));
    let own = VersionRecord { public_hidden: true, public_attributes: Default::default(), ..record };
    let mut faces = vec![Arc::new(seal_key(rooms, caller, vault, own, material, Some(&rest))?)];
    if let Some(public) = public {
        faces.push(Arc::new(seal_key(rooms, caller, vault, public, Zeroizing::default(), Some(&public_rest))?));
    }
    Ok(faces)
}

/// The public half of a pair by itself. It keeps what the wrapping rule asks of the pair.
pub(super) fn public_half(pair: &VersionRecord) -> VersionRecord {
    let policy = pair.policy.clone().map(|policy| KeyPolicy { class: ck::CKO_PUBLIC_KEY, ..policy });
    VersionRecord {
        policy,
        private_attributes: Default::default(),
        certificate_der: Vec::new(),
        private_hidden: false,
        public_hidden: false,
        ..pair.clone()
    }
}

/// Seals one key and shows it. `said` is what the application said besides, which must be so.
pub(super) fn seal_key(
    rooms: &Unsealed,
    caller: &Caller,
    vault: Id,
    record: VersionRecord,
    material: Zeroizing<Vec<u8>>,
    said: Option<&Template>,
) -> Result<Face> {
    let version = Version::parse(vault, record, Some(material.clone()))?;
    let shown = face::of_version(&version, "").into_iter().next();
    let mut face = shown.ok_or_else(|| Error::internal("a session key without an object"))?;
    if let Some(said) = said {
        said.check_against(&face)?;
    }
    let scope = scope(caller, face.private)?;
    let record = SessionRecord {
        vault: vault.0.to_vec(),
        for_login: matches!(scope, Scope::Login(_)),
        version: Some(version.record),
        object: None,
    };
    face.sealed = seal_record(rooms, vault, &scope, &record, &material)?;
    Ok(face)
}

fn seal_other(rooms: &Unsealed, caller: &Caller, vault: Id, draft: OtherDraft) -> Result<Arc<Face>> {
    let (mut record, value) = draft.into_record(String::new());
    record.id = Id::random()?.0.to_vec();
    seal_object(rooms, caller, vault, record, &value).map(Arc::new)
}

/// Seals one object that is no key; `value` is what only its readers are told.
pub(super) fn seal_object(
    rooms: &Unsealed,
    caller: &Caller,
    vault: Id,
    record: ObjectRecord,
    value: &[u8],
) -> Result<Face> {
    let mut face = face::of_object(Id::from_bytes(&record.id)?, &record)
        .ok_or_else(|| Error::internal("a hidden session object"))?;
    face.attributes.insert(ck::CKA_TOKEN, face::flag(false));
    let scope = scope(caller, face.private)?;
    let record = SessionRecord {
        vault: vault.0.to_vec(),
        for_login: matches!(scope, Scope::Login(_)),
        version: None,
        object: Some(record),
    };
    face.sealed = seal_record(rooms, vault, &scope, &record, value)?;
    Ok(face)
}

fn seal_record(
    rooms: &Unsealed,
    vault: Id,
    scope: &Scope,
    record: &SessionRecord,
    material: &[u8],
) -> Result<bytes::Bytes> {
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    rooms.keys.seal_session(vault, scope, record, material)
}
