//! Session objects (CKA_TOKEN false): the daemon keeps none. Each is a blob that its application keeps and sends with every use; it opens
//! only for whom it was sealed. All its attributes are authenticated with it, its secret is encrypted.
//!
//! Format: format (1 byte) ‖ salt (16) ‖ length of the header (4, big-endian) ‖ header ‖ sealed secret. Everything before the sealed
//! secret is its associated data.

use std::sync::Arc;

use bytes::Bytes;
use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::limits::MAX_SEALED_OBJECT_BYTES;
use zeroize::Zeroizing;

use super::{
    catalog::Version,
    record::{FORMAT, ObjectRecord, VersionRecord},
    seal::{self, Secret32},
};
use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
};

/// For whom a session object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One login: a private object. It is dead when that login is.
    Login(Id),
    /// One C_Initialize of one program, whether it logs in or not: an object that is not private.
    Application(Id),
}

impl Scope {
    fn parts(&self) -> (&'static [u8], &Id) {
        match self {
            Scope::Login(id) => (b"login", id),
            Scope::Application(id) => (b"application", id),
        }
    }
}

/// Who opens one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opener {
    /// Their login.
    pub login: Option<Id>,
    /// Their program.
    pub application: Option<Id>,
}

/// What is authenticated of a session object: all of it but the secret.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SessionRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub vault: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub for_login: bool,
    /// Of a key.
    #[prost(message, optional, tag = "3")]
    pub version: Option<VersionRecord>,
    /// Of any other object.
    #[prost(message, optional, tag = "4")]
    pub object: Option<ObjectRecord>,
}

/// One that was opened.
#[derive(Clone)]
pub enum SessionObject {
    /// A key, secret or public alone; its [`Version::session`] has the secret.
    Key(Arc<Version>),
    /// A certificate or data object.
    Other(Arc<ObjectRecord>),
}

/// The parts of a blob.
struct Parts<'a> {
    salt: &'a [u8],
    header: &'a [u8],
    associated: &'a [u8],
    sealed: &'a [u8],
}

const SALT_LEN: usize = 16;
const PREFIX_LEN: usize = 1 + SALT_LEN + 4;

fn parse(blob: &[u8]) -> Option<Parts<'_>> {
    if blob.len() > MAX_SEALED_OBJECT_BYTES {
        return None;
    }
    let (prefix, rest) = blob.split_at_checked(PREFIX_LEN)?;
    let (format, prefix) = prefix.split_first()?;
    let (salt, length) = prefix.split_at_checked(SALT_LEN)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let (header, sealed) = rest.split_at_checked(length)?;
    let associated = blob.get(..PREFIX_LEN + length)?;
    (*format == FORMAT).then_some(Parts { salt, header, associated, sealed })
}

fn key(kek: &Secret32, scope: &Scope, salt: &[u8]) -> Result<Secret32> {
    let (word, id) = scope.parts();
    // A key for each blob: however many one login makes, no nonce is ever drawn twice under one.
    seal::derive(kek, &[b"session-object/1", word, &id.0, salt])
}

/// Makes the blob.
pub fn seal(kek: &Secret32, scope: &Scope, record: &SessionRecord, material: &[u8]) -> Result<Bytes> {
    let mut salt = [0; SALT_LEN];
    crypto::fill_random(&mut salt)?;
    let header = record.encode_to_vec();
    let length = u32::try_from(header.len()).map_err(Error::internal)?;
    let mut blob = [&[FORMAT], &salt[..], &length.to_be_bytes(), &header].concat();
    let key = key(kek, scope, &salt)?;
    blob.extend(seal::seal(&key, &blob, material)?);
    if blob.len() > MAX_SEALED_OBJECT_BYTES {
        return Err(Error::new(
            ErrorCode::AttributeInvalid,
            format!("a session object has at most {MAX_SEALED_OBJECT_BYTES} bytes"),
        ));
    }
    Ok(blob.into())
}

/// Opens a blob for somebody, and only for whom it was sealed, in the vault it was sealed in.
pub fn open(kek: &Secret32, vault: Id, opener: &Opener, blob: &[u8]) -> Result<SessionObject> {
    let refused = || Error::new(ErrorCode::KeyNotFound, "the session object is not valid here");
    let parts = parse(blob).ok_or_else(refused)?;
    // Not authenticated yet: it only says which key to try.
    let record = SessionRecord::decode(parts.header).map_err(|_| refused())?;
    let scope = match record.for_login {
        true => opener.login.map(Scope::Login),
        false => opener.application.map(Scope::Application),
    };
    let key = key(kek, &scope.ok_or_else(refused)?, parts.salt)?;
    let material = seal::unseal(&key, parts.associated, parts.sealed)?.ok_or_else(refused)?;
    if record.vault != vault.0 {
        return Err(refused());
    }
    match (record.version, record.object) {
        (Some(version), _) => Ok(SessionObject::Key(Arc::new(Version::parse(vault, version, Some(material))?))),
        (None, Some(mut object)) => {
            if !material.is_empty() {
                object.attributes.insert(ck::CKA_VALUE, material.to_vec());
            }
            Ok(SessionObject::Other(Arc::new(object)))
        }
        (None, None) => Err(refused()),
    }
}

/// The secret of an opened key, to be sealed again with other attributes.
pub(super) fn material(version: &Version) -> Result<&Zeroizing<Vec<u8>>> {
    version.session.as_ref().map(|session| &session.material).ok_or_else(|| Error::internal("no session object"))
}

#[cfg(test)]
#[path = "session/tests.rs"]
mod tests;
