//! What a vault knows of its certificates beyond their records: their PKCS#11 objects beside their keys', and damaged ones.

use super::{AllNamed, Vault};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::record::{CertificateRecord, CertificateVersionRecord},
};

/// The certificate of a version of a key that belongs to one, DER.
pub(super) fn of<'a>(certificates: &'a AllNamed<CertificateRecord>, key: &str, version: Id) -> Option<&'a [u8]> {
    certificates.get_any(key)?.version(&version.0).map(|version| version.der.as_slice())
}

impl Vault {
    /// Whether the record of a certificate of this name was refused when the store was read.
    pub fn is_certificate_name_damaged(&self, name: &str) -> bool {
        self.damaged_certificates.contains(&name.to_ascii_lowercase())
    }

    pub(super) fn put_certificate_version(&mut self, record: CertificateVersionRecord) -> Result<()> {
        self.remember_request(&record.request_id, &record.id)?;
        let name = record.certificate.clone();
        if !self.certificates.put_version(&name, record) {
            return Err(Error::new(ErrorCode::RecordDamaged, "a version has no certificate"));
        }
        // Its PKCS#11 object stands beside its key's.
        self.show_key(&name);
        Ok(())
    }

    pub(super) fn remove_certificate_version(&mut self, id: Id) {
        self.requests.retain(|_, made| *made != id);
        self.certificates.remove_version(&id.0);
        if let Some(name) = self.versions.get(&id).map(|version| version.record.key.clone()) {
            self.show_key(&name);
        }
    }
}
