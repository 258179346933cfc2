//! Secrets and certificates: a name, and versions in the order of creation.

use std::{collections::BTreeMap, sync::Arc};

use crate::keys::record::{CertificateRecord, CertificateVersionRecord, SecretRecord, SecretVersionRecord};

/// What a name and its versions need to have.
pub trait NamedRecord {
    /// The record of one version.
    type Version: VersionOf;

    /// The id of the version that is meant when none is named.
    fn current(&self) -> &[u8];
    /// Whether it is deleted.
    fn is_deleted(&self) -> bool;
}

/// What a version's record needs to have.
pub trait VersionOf {
    /// Its id.
    fn id(&self) -> &[u8];
    /// Its place in the order of creation.
    fn ordinal(&self) -> u64;
}

impl NamedRecord for SecretRecord {
    type Version = SecretVersionRecord;

    fn current(&self) -> &[u8] {
        &self.current
    }

    fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }
}

impl VersionOf for SecretVersionRecord {
    fn id(&self) -> &[u8] {
        &self.id
    }

    fn ordinal(&self) -> u64 {
        self.ordinal
    }
}

impl NamedRecord for CertificateRecord {
    type Version = CertificateVersionRecord;

    fn current(&self) -> &[u8] {
        &self.current
    }

    fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }
}

impl VersionOf for CertificateVersionRecord {
    fn id(&self) -> &[u8] {
        &self.id
    }

    fn ordinal(&self) -> u64 {
        self.ordinal
    }
}

/// A name with its versions, oldest first.
pub struct Named<R: NamedRecord> {
    /// The stored record.
    pub record: Arc<R>,
    /// In the order of creation.
    pub versions: Vec<Arc<R::Version>>,
}

impl<R: NamedRecord> Named<R> {
    /// The version that is meant when none is named.
    pub fn current(&self) -> Option<&Arc<R::Version>> {
        self.version(self.record.current())
    }

    /// One version.
    pub fn version(&self, id: &[u8]) -> Option<&Arc<R::Version>> {
        self.versions.iter().find(|version| version.id() == id)
    }
}

/// A vault's secrets or certificates, by name in lower case.
pub struct AllNamed<R: NamedRecord> {
    by_name: BTreeMap<String, Named<R>>,
}

impl<R: NamedRecord> Default for AllNamed<R> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new() }
    }
}

impl<R: NamedRecord> AllNamed<R> {
    /// One that is not deleted, whatever the name's case.
    pub fn get(&self, name: &str) -> Option<&Named<R>> {
        self.get_any(name).filter(|named| !named.record.is_deleted())
    }

    /// One that is deleted.
    pub fn get_deleted(&self, name: &str) -> Option<&Named<R>> {
        self.get_any(name).filter(|named| named.record.is_deleted())
    }

    /// One, deleted or not.
    pub fn get_any(&self, name: &str) -> Option<&Named<R>> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    /// All, deleted ones too, by name, after one (in lower case); empty for all.
    pub fn after<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a String, &'a Named<R>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = if name.is_empty() { Unbounded } else { Excluded(name.to_owned()) };
        self.by_name.range::<String, _>((from, Unbounded))
    }

    /// How many there are, deleted ones too.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn put(&mut self, name: &str, record: R) {
        let record = Arc::new(record);
        match self.by_name.get_mut(name) {
            Some(named) => named.record = record,
            None => drop(self.by_name.insert(name.to_owned(), Named { record, versions: Vec::new() })),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Whether the name was there to take the version.
    pub(super) fn put_version(&mut self, name: &str, record: R::Version) -> bool {
        let Some(named) = self.by_name.get_mut(name) else { return false };
        let record = Arc::new(record);
        match named.versions.iter_mut().find(|other| other.id() == record.id()) {
            Some(place) => *place = record,
            None => {
                named.versions.push(record);
                named.versions.sort_by_key(|version| version.ordinal());
            }
        }
        true
    }

    pub(super) fn remove_version(&mut self, id: &[u8]) {
        for named in self.by_name.values_mut() {
            named.versions.retain(|version| version.id() != id);
        }
    }
}
