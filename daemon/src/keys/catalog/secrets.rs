//! What a vault knows of its secrets beyond their records: their PKCS#11 objects, if it publishes them, and damaged ones.

use softkeep_proto::algorithm::Hash;

use super::Vault;
use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        face,
        record::{SecretRecord, SecretVersionRecord},
    },
};

impl Vault {
    /// Whether the record of a secret of this name was refused when the store was read.
    pub fn is_secret_name_damaged(&self, name: &str) -> bool {
        self.damaged_secrets.contains(&name.to_ascii_lowercase())
    }

    /// The secret (its name in lower case) whose PKCS#11 object this is.
    pub fn published_secret(&self, object: Id) -> Option<&str> {
        self.published_secrets.get(&object).map(String::as_str)
    }

    pub(super) fn put_secret(&mut self, name: &str, record: SecretRecord) {
        self.secrets.put(name, record);
        self.show_secret(name);
    }

    pub(super) fn put_secret_version(&mut self, record: SecretVersionRecord) -> Result<()> {
        self.remember_request(&record.request_id, &record.id)?;
        let name = record.secret.clone();
        if !self.secrets.put_version(&name, record) {
            return Err(Error::new(ErrorCode::RecordDamaged, "a version has no secret"));
        }
        self.show_secret(&name);
        Ok(())
    }

    pub(super) fn remove_secret(&mut self, name: &str) {
        self.secrets.remove(name);
        self.show_secret(name);
    }

    pub(super) fn remove_secret_version(&mut self, id: Id) {
        self.requests.retain(|_, made| *made != id);
        self.secrets.remove_version(&id.0);
    }

    /// Shows or hides all of them, when the vault's mind about that has changed.
    pub(super) fn show_secrets(&mut self) {
        let names: Vec<_> = self.secrets.after("").map(|(name, _)| name.clone()).collect();
        names.iter().for_each(|name| self.show_secret(name));
    }

    /// Makes the object of a secret anew. It stays the same object when the secret has a new version.
    fn show_secret(&mut self, name: &str) {
        if !self.record.publish_secrets && self.published_secrets.is_empty() {
            return;
        }
        let id = self.object_of_secret(name);
        let shown = self.secrets.get(name).filter(|_| self.record.publish_secrets);
        match shown.and_then(|secret| secret.current().map(|version| (secret, version.ordinal))) {
            Some((secret, ordinal)) => {
                let face = face::of_secret(id, &secret.record.name);
                self.faces.replace(id, ordinal, vec![face]);
                self.published_secrets.insert(id, name.to_owned());
            }
            None if self.published_secrets.remove(&id).is_some() => self.faces.replace(id, 0, Vec::new()),
            None => {}
        }
    }

    /// A secret has no identifier of its own, only its versions have; its object's is made of its name.
    fn object_of_secret(&self, name: &str) -> Id {
        let digest =
            crypto::digest(Hash::Sha256, &[b"softkeep/secret-object/1", &self.id.0[..], name.as_bytes()].concat());
        let mut id = Id::default();
        id.0.iter_mut().zip(digest).for_each(|(byte, value)| *byte = value);
        id
    }
}
