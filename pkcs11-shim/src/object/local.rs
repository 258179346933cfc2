//! Objects that describe the token (PKCS#11 3.2 sections 4.13 and 4.14): the profiles it fulfils and its mechanisms.
//! Nobody made them, and they are shown only to a search for their class, because programs that list all objects expect
//! keys and certificates.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::{
    mechanism::TABLE,
    pkcs11::v1::{Attribute, Object},
};

use super::{Entry, ObjectId, Place};
use crate::attribute::Attributes;

/// The profiles of "PKCS #11 Profiles 3.1" whose conditions are met: baseline and extended provider, and a token that
/// authenticates by PIN and shows its certificates without one.
const PROFILES: [(u64, &str); 4] = [
    (ck::CKP_BASELINE_PROVIDER, "Baseline Provider"),
    (ck::CKP_EXTENDED_PROVIDER, "Extended Provider"),
    (ck::CKP_AUTHENTICATION_TOKEN, "Authentication Token"),
    (ck::CKP_PUBLIC_CERTIFICATES_TOKEN, "Public Certificates Token"),
];

/// The objects of a class that describe the token of a slot and have all of the template's attributes.
pub fn describe(slot_id: u64, class: u64, template: &[Attribute]) -> Vec<Entry> {
    let facts: Vec<_> = match class {
        ck::CKO_PROFILE => PROFILES.map(|(profile, name)| (ck::CKA_PROFILE_ID, profile, name)).into(),
        ck::CKO_MECHANISM => TABLE.iter().map(|row| (ck::CKA_MECHANISM_TYPE, row.mechanism, row.name)).collect(),
        _ => return Vec::new(),
    };
    let entries = facts.into_iter().map(|(kind, value, name)| entry(slot_id, class, kind, value, name));
    entries.filter(|entry| entry.attributes.fits(template)).collect()
}

fn entry(slot_id: u64, class: u64, kind: u64, value: u64, name: &str) -> Entry {
    // The class and the number are the whole of such an object, so they are its id too.
    let unique_id = (u128::from(class) << 64 | u128::from(value)).to_be_bytes();
    let hex = unique_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let values: [(u64, Vec<u8>); 9] = [
        (ck::CKA_CLASS, class.to_le_bytes().into()),
        (ck::CKA_TOKEN, vec![1]),
        (ck::CKA_PRIVATE, vec![0]),
        (ck::CKA_MODIFIABLE, vec![0]),
        (ck::CKA_COPYABLE, vec![0]),
        (ck::CKA_DESTROYABLE, vec![0]),
        (ck::CKA_LABEL, name.into()),
        (ck::CKA_UNIQUE_ID, hex.into()),
        (kind, value.to_le_bytes().into()),
    ];
    let attributes = values.into_iter().map(|(r#type, value)| Attribute { r#type, value: value.into() }).collect();
    let attributes = Arc::new(Attributes::of(Object { attributes, ..Object::default() }));
    Entry { slot_id, id: ObjectId { unique_id, class }, attributes, place: Place::Local }
}
