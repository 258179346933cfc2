//! Where to look for session objects: for each, the few words by which programs search, as hashes. What is found here
//! is a candidate; whether it fits is seen at the object itself.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;

use crate::attribute::Attributes;

/// The attributes by which programs tell many objects apart.
const INDEXED: [u64; 3] = [ck::CKA_CLASS, ck::CKA_LABEL, ck::CKA_ID];

/// What stands in the index beside attributes.
const SLOT: u64 = u64::MAX;
const SESSION: u64 = u64::MAX - 1;

/// Words and the handles of the objects that have them: 16 bytes an entry, five entries an object.
#[derive(Default)]
pub struct Index(BTreeSet<(u64, u64)>);

/// A word: what it says about which slot's objects, hashed. Two words that collide cost a look at an object.
fn word(kind: u64, place: u64, value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, place, value).hash(&mut hasher);
    hasher.finish()
}

fn words(slot_id: u64, session: u64, attributes: &Attributes) -> impl Iterator<Item = u64> {
    let indexed = INDEXED.into_iter().filter_map(move |kind| Some(word(kind, slot_id, attributes.bytes(kind)?)));
    indexed.chain([word(SLOT, slot_id, &[]), word(SESSION, session, &[])])
}

impl Index {
    /// Adds an object.
    pub fn insert(&mut self, handle: u64, slot_id: u64, session: u64, attributes: &Attributes) {
        self.0.extend(words(slot_id, session, attributes).map(|word| (word, handle)));
    }

    /// Takes an object out.
    pub fn remove(&mut self, handle: u64, slot_id: u64, session: u64, attributes: &Attributes) {
        for word in words(slot_id, session, attributes) {
            self.0.remove(&(word, handle));
        }
    }

    /// Whether no object is in it.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(&self, word: u64) -> impl Iterator<Item = u64> {
        self.0.range((word, 0)..=(word, u64::MAX)).map(|(_, handle)| *handle)
    }

    /// The objects of a session.
    pub fn of_session(&self, session: u64) -> Vec<u64> {
        self.with(word(SESSION, session, &[])).collect()
    }

    /// All objects of a slot.
    pub fn of_slot(&self, slot_id: u64) -> Vec<u64> {
        self.with(word(SLOT, slot_id, &[])).collect()
    }

    /// Handles among which all are that fit a template, in ascending order: those of its rarest word.
    pub fn candidates(&self, slot_id: u64, template: &[Attribute]) -> impl Iterator<Item = u64> {
        let indexed = template.iter().filter(|attribute| INDEXED.contains(&attribute.r#type));
        let asked = indexed.map(|attribute| word(attribute.r#type, slot_id, &attribute.value));
        let asked: Vec<_> = asked.chain([word(SLOT, slot_id, &[])]).collect();
        let mut counts: Vec<_> = asked.iter().map(|word| self.with(*word)).collect();
        // All are counted in step, so that the search costs no more than its rarest word.
        let rarest = loop {
            if let Some(ended) = counts.iter_mut().position(|count| count.next().is_none()) {
                break ended;
            }
        };
        self.with(asked.get(rarest).copied().unwrap_or_default())
    }
}
