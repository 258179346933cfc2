//! Certificates as PKCS#11 shows them (PKCS#11 3.2 section 4.6).

use bytes::Bytes;
use cryptoki_sys as ck;
use der::{Decode, Encode};
use softkeep_proto::algorithm::Hash;
use x509_cert::Certificate;

use super::{Attributes, Face, common, flag, number};
use crate::{crypto, keys::catalog::Version};

/// The self-signed certificate that the vault publishes beside a key.
pub(super) fn published(version: &Version, label: &str) -> Option<Face> {
    beside(version, label, &version.record.certificate_der)
}

/// The certificate that a key belongs to, with the days that it says.
pub(super) fn issued(version: &Version, label: &str, der: &[u8]) -> Option<Face> {
    let mut face = beside(version, label, der)?;
    let parsed = Certificate::from_der(der).ok()?;
    // Whoever deletes the certificate in the vault deletes this.
    face.attributes.insert(ck::CKA_DESTROYABLE, flag(false));
    let validity = parsed.tbs_certificate().validity();
    for (kind, time) in [(ck::CKA_START_DATE, &validity.not_before), (ck::CKA_END_DATE, &validity.not_after)] {
        let day = time.to_date_time();
        // CK_DATE: the digits of year, month and day.
        let digits = format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
        face.attributes.insert(kind, Bytes::from(digits));
    }
    Some(face)
}

fn beside(version: &Version, label: &str, der: &[u8]) -> Option<Face> {
    let label = version.record.private_attributes.get(&ck::CKA_LABEL).map_or(label.as_bytes(), Vec::as_slice);
    let mut attributes = common(ck::CKO_CERTIFICATE, version.id, label, false);
    let own_id = version.record.private_attributes.get(&ck::CKA_ID).map_or(version.id.0.as_slice(), Vec::as_slice);
    attributes.insert(ck::CKA_ID, Bytes::copy_from_slice(own_id));
    attributes.insert(ck::CKA_MODIFIABLE, flag(false));
    attributes.insert(ck::CKA_VALUE, Bytes::copy_from_slice(der));
    attributes.extend(names(der)?);
    attributes.insert(ck::CKA_CHECK_VALUE, check_value(der));
    defaults(&mut attributes);
    Some(Face {
        unique_id: version.id,
        class: ck::CKO_CERTIFICATE,
        private: false,
        attributes,
        sensitive: &[],
        on_request: &[],
        sealed: Bytes::new(),
    })
}

/// CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER and CKA_PUBLIC_KEY_INFO of a DER certificate; `None` when it is none.
pub fn names(der: &[u8]) -> Option<[(u64, Bytes); 4]> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    Some([
        (ck::CKA_SUBJECT, tbs.subject().to_der().ok()?.into()),
        (ck::CKA_ISSUER, tbs.issuer().to_der().ok()?.into()),
        (ck::CKA_SERIAL_NUMBER, tbs.serial_number().to_der().ok()?.into()),
        (ck::CKA_PUBLIC_KEY_INFO, tbs.subject_public_key_info().to_der().ok()?.into()),
    ])
}

fn defaults(attributes: &mut Attributes) {
    for (kind, value) in [
        (ck::CKA_CERTIFICATE_TYPE, number(ck::CKC_X_509)),
        (ck::CKA_CERTIFICATE_CATEGORY, number(ck::CK_CERTIFICATE_CATEGORY_UNSPECIFIED)),
        (ck::CKA_TRUSTED, flag(false)),
        (ck::CKA_ID, Bytes::new()),
        (ck::CKA_START_DATE, Bytes::new()),
        (ck::CKA_END_DATE, Bytes::new()),
    ] {
        attributes.entry(kind).or_insert(value);
    }
}

/// The first three bytes of the certificate's SHA-1 hash (PKCS#11 3.2 section 4.6.3).
pub fn check_value(der: &[u8]) -> Bytes {
    let hash = crypto::digest(Hash::Sha1, der);
    hash.get(..3).map(Bytes::copy_from_slice).unwrap_or_default()
}

/// What follows from a certificate's bytes and the application left out.
pub(super) fn complete(attributes: &mut Attributes) {
    let Some(der) = attributes.get(&ck::CKA_VALUE).cloned() else { return };
    for (kind, value) in names(&der).into_iter().flatten() {
        attributes.entry(kind).or_insert(value);
    }
    attributes.entry(ck::CKA_CHECK_VALUE).or_insert_with(|| check_value(&der));
    defaults(attributes);
}
