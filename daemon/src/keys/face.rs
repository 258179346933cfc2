//! What PKCS#11 sees of a version or another object: its attributes (PKCS#11 3.2 sections 4.6 to 4.10). A face holds nothing secret;
//! whether somebody may see it is the policy room's business.

use std::collections::BTreeMap;

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{Attribute, Object};

use super::{catalog::Version, record::ObjectRecord};
use crate::id::Id;

mod certificate;
mod key;
mod numbers;

pub use certificate::{check_value as certificate_check_value, names as certificate_names};
pub use numbers::{curve_of_params, key_type_number};

/// Attribute type → wire value (`Attribute` in `module.proto`).
pub type Attributes = BTreeMap<u64, Bytes>;

/// One object as PKCS#11 shows it.
#[derive(Clone, Default)]
pub struct Face {
    /// CKA_UNIQUE_ID; both halves of a pair share it.
    pub unique_id: Id,
    /// CKO_*.
    pub class: u64,
    /// CKA_PRIVATE: only for those who are logged in.
    pub private: bool,
    /// All that may be read.
    pub attributes: Attributes,
    /// What exists and is never told.
    pub sensitive: &'static [u64],
    /// What exists and is told only to who asks for it by name.
    pub on_request: &'static [u64],
    /// The whole of a session object, for its application to keep; empty for a token object.
    pub sealed: Bytes,
}

impl Face {
    /// The wire form.
    pub fn to_object(&self) -> Object {
        Object {
            unique_id: Bytes::copy_from_slice(&self.unique_id.0),
            class: self.class,
            attributes: self
                .attributes
                .iter()
                .map(|(kind, value)| Attribute { r#type: *kind, value: value.clone() })
                .collect(),
            sensitive: self.sensitive.to_vec(),
            on_request: self.on_request.to_vec(),
            sealed: self.sealed.clone(),
        }
    }

    /// About how many bytes the wire form takes.
    pub fn size_bytes(&self) -> usize {
        const FRAME_BYTES: usize = 16;
        self.sealed.len() + self.attributes.values().map(|value| value.len() + FRAME_BYTES).sum::<usize>()
    }

    /// Whether every attribute of a template is there with that value. A sensitive one never matches.
    pub fn matches(&self, template: &[Attribute]) -> bool {
        template.iter().all(|wanted| self.attributes.get(&wanted.r#type).is_some_and(|value| *value == wanted.value))
    }
}

/// CK_BBOOL on the wire.
pub fn flag(on: bool) -> Bytes {
    Bytes::from_static(if on { &[1] } else { &[0] })
}

/// CK_ULONG on the wire.
pub fn number(value: u64) -> Bytes {
    Bytes::copy_from_slice(&value.to_le_bytes())
}

/// The number of an attribute, if it is there and has 8 bytes.
pub fn as_number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

/// The truth of an attribute: PKCS#11 says any non-zero byte is CK_TRUE.
pub fn as_flag(value: &[u8]) -> Option<bool> {
    match value {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

/// The faces of a version: private key, public key, and the certificate published beside them; or the secret key. `label` is what the
/// vault calls the version.
pub fn of_version(version: &Version, label: &str) -> Vec<Face> {
    let record = &version.record;
    let mut faces = Vec::with_capacity(3);
    match version.class() {
        ck::CKO_SECRET_KEY => faces.extend((!record.private_hidden).then(|| key::secret(version, label))),
        ck::CKO_PRIVATE_KEY if !record.private_hidden => {
            faces.push(key::private(version, label));
            if !record.certificate_der.is_empty() {
                faces.extend(certificate::published(version, label));
            }
        }
        _ => {}
    }
    if let Some(public) = version.public.as_ref().filter(|_| !record.public_hidden) {
        faces.push(key::public(version, public, label));
    }
    faces
}

/// Puts the certificate that a key belongs to among the faces of a version, in place of the one that the vault publishes by itself.
pub fn show_certificate(faces: &mut Vec<Face>, version: &Version, label: &str, der: &[u8]) {
    faces.retain(|face| face.class != ck::CKO_CERTIFICATE);
    faces.extend(certificate::issued(version, label, der));
}

/// The face of a certificate or data object that an application wrote.
pub fn of_object(id: Id, record: &ObjectRecord) -> Option<Face> {
    if record.hidden {
        return None;
    }
    let mut attributes = common(record.class, id, b"", false);
    overlay(&mut attributes, &record.attributes);
    if record.class == ck::CKO_CERTIFICATE {
        certificate::complete(&mut attributes);
    }
    let private = attributes.get(&ck::CKA_PRIVATE).and_then(|value| as_flag(value)).unwrap_or(false);
    if record.class == ck::CKO_DATA {
        for kind in [ck::CKA_APPLICATION, ck::CKA_OBJECT_ID, ck::CKA_VALUE] {
            attributes.entry(kind).or_default();
        }
    }
    // A private value does not lie about in the memory of every program that looks.
    let told_later = record.class == ck::CKO_DATA && private;
    let on_request: &[u64] = if told_later { VALUE } else { &[] };
    on_request.iter().for_each(|kind| drop(attributes.remove(kind)));
    Some(Face {
        unique_id: id,
        class: record.class,
        private,
        attributes,
        sensitive: &[],
        on_request,
        sealed: Bytes::new(),
    })
}

/// The face of a secret that its vault publishes: a data object that can be read and nothing else.
pub fn of_secret(id: Id, name: &str) -> Face {
    let mut attributes = common(ck::CKO_DATA, id, name.as_bytes(), true);
    for kind in [ck::CKA_MODIFIABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE] {
        attributes.insert(kind, flag(false));
    }
    for kind in [ck::CKA_APPLICATION, ck::CKA_OBJECT_ID] {
        attributes.insert(kind, Bytes::new());
    }
    Face { unique_id: id, class: ck::CKO_DATA, private: true, attributes, on_request: VALUE, ..Face::default() }
}

const VALUE: &[u64] = &[ck::CKA_VALUE];

/// CK_MECHANISM_TYPE arrays on the wire.
pub fn mechanisms(list: &[u64]) -> Bytes {
    list.iter().flat_map(|mechanism| mechanism.to_le_bytes()).collect()
}

fn common(class: u64, id: Id, label: &[u8], private: bool) -> Attributes {
    Attributes::from([
        (ck::CKA_CLASS, number(class)),
        (ck::CKA_TOKEN, flag(true)),
        (ck::CKA_PRIVATE, flag(private)),
        (ck::CKA_MODIFIABLE, flag(true)),
        (ck::CKA_COPYABLE, flag(true)),
        (ck::CKA_DESTROYABLE, flag(true)),
        (ck::CKA_LABEL, Bytes::copy_from_slice(label)),
        (ck::CKA_UNIQUE_ID, Bytes::from(id.to_string())),
    ])
}

fn overlay(attributes: &mut Attributes, explicit: &BTreeMap<u64, Vec<u8>>) {
    attributes.extend(explicit.iter().map(|(kind, value)| (*kind, Bytes::copy_from_slice(value))));
}
