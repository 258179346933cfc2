//! A key and its versions, parsed: what a record says, read once. Session objects and public keys alone have this form too, so that
//! whoever decides or uses looks at one thing.

use std::sync::{Arc, OnceLock};

use cryptoki_sys as ck;
use softkeep_proto::algorithm::KeyType;
use zeroize::Zeroizing;

use crate::{
    crypto::key_info::{self, PublicInfo},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        OpenKey,
        record::{KeyPolicy, KeyRecord, ObjectRecord, Ops, VersionRecord},
    },
};

/// A version of a key, parsed.
pub struct Version {
    /// The vault it is in.
    pub vault: Id,
    /// Its identifier.
    pub id: Id,
    /// The stored record.
    pub record: VersionRecord,
    /// The record's policy.
    pub policy: KeyPolicy,
    /// The key's type and size.
    pub key_type: KeyType,
    /// The public half; a secret key has none.
    pub public: Option<PublicInfo>,
    /// What a session object brings along; `None` for what the store keeps.
    pub session: Option<Session>,
}

/// The secret of a session object, which came with the request.
pub struct Session {
    /// PKCS#8 or the secret's bytes; empty for a public key alone.
    pub(in crate::keys) material: Zeroizing<Vec<u8>>,
    pub(in crate::keys) open: OnceLock<Arc<OpenKey>>,
}

impl Version {
    /// Reads a record.
    pub fn parse(vault: Id, record: VersionRecord, material: Option<Zeroizing<Vec<u8>>>) -> Result<Self> {
        let damaged = |what: &str| Error::new(ErrorCode::RecordDamaged, what);
        let id = Id::from_bytes(&record.id)?;
        let policy = record.policy.clone().ok_or_else(|| damaged("a version has no policy"))?;
        let key_type = policy.key_type()?;
        let public = match record.public_key_der.is_empty() {
            true => None,
            false => Some(key_info::public_info(&record.public_key_der)?),
        };
        let is_secret = matches!(key_type, KeyType::Secret(..));
        if is_secret != public.is_none() || is_secret != (policy.class == ck::CKO_SECRET_KEY) {
            return Err(damaged("a version's class and type contradict each other"));
        }
        let session = material.map(|material| Session { material, open: OnceLock::new() });
        Ok(Self { vault, id, key_type, policy, public, session, record })
    }

    /// A public key that belongs to no key here, in the form of a version.
    pub fn of_public_object(vault: Id, record: &ObjectRecord) -> Result<Self> {
        let version = VersionRecord {
            id: record.id.clone(),
            ordinal: record.ordinal,
            created: record.created,
            enabled: true,
            public_key_der: record.public_key_der.clone(),
            policy: record.policy.clone(),
            public_attributes: record.attributes.clone(),
            request_id: record.request_id.clone(),
            ..VersionRecord::default()
        };
        Self::parse(vault, version, None)
    }

    /// The public half; an error of the caller's for a secret key.
    pub fn public(&self) -> Result<&PublicInfo> {
        self.public.as_ref().ok_or_else(|| Error::new(ErrorCode::KeyTypeMismatch, "a secret key has no public half"))
    }

    /// Whether the version is a session object.
    pub fn is_session_object(&self) -> bool {
        self.session.is_some()
    }

    /// What it may do.
    pub fn ops(&self) -> Ops {
        self.policy.operations()
    }

    /// CKO_* of the object that this is when nobody says which of them: the private or secret key, or the public key if it is alone.
    pub fn class(&self) -> u64 {
        self.policy.class
    }
}

/// A key with its versions, oldest first.
#[derive(Clone)]
pub struct Key {
    /// The stored record.
    pub record: Arc<KeyRecord>,
    /// In the order of creation.
    pub versions: Vec<Arc<Version>>,
}

impl Key {
    /// The version that is meant when none is named. `None` when its record is damaged: an older one never takes its place.
    pub fn current(&self) -> Option<&Arc<Version>> {
        self.versions.iter().find(|version| version.record.id == self.record.current)
    }
}
