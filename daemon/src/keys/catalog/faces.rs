//! The PKCS#11 objects of one vault, in creation order and by what applications search for. What they look like is `face`'s.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;

use crate::{id::Id, keys::face::Face};

/// The PKCS#11 objects of a vault, in creation order and by what applications search for.
#[derive(Default)]
pub(super) struct Faces {
    /// By (ordinal, class).
    ordered: BTreeMap<(u64, u64), Arc<Face>>,
    place: HashMap<Id, Vec<(u64, u64)>>,
    by_attribute: HashMap<(u64, bytes::Bytes), Vec<(u64, u64)>>,
}

/// The attributes that have an index.
const INDEXED: [u64; 3] = [ck::CKA_LABEL, ck::CKA_ID, ck::CKA_PUBLIC_KEY_INFO];

impl Faces {
    /// Shows an id's objects in place of those it had.
    pub(super) fn replace(&mut self, id: Id, ordinal: u64, faces: Vec<Face>) {
        for place in self.place.remove(&id).unwrap_or_default() {
            let Some(old) = self.ordered.remove(&place) else { continue };
            for kind in INDEXED {
                let Some(value) = old.attributes.get(&kind) else { continue };
                let key = (kind, value.clone());
                if let Some(places) = self.by_attribute.get_mut(&key) {
                    places.retain(|other| *other != place);
                    if places.is_empty() {
                        self.by_attribute.remove(&key);
                    }
                }
            }
        }
        for face in faces {
            let place = (ordinal, face.class);
            for kind in INDEXED {
                if let Some(value) = face.attributes.get(&kind) {
                    self.by_attribute.entry((kind, value.clone())).or_default().push(place);
                }
            }
            self.place.entry(id).or_default().push(place);
            self.ordered.insert(place, Arc::new(face));
        }
    }

    /// The objects of one id.
    pub(super) fn of(&self, id: Id) -> impl Iterator<Item = &Arc<Face>> {
        self.place.get(&id).into_iter().flatten().filter_map(|place| self.ordered.get(place))
    }

    /// The objects that match a template, in creation order: by an index where the template has what one is for.
    pub(super) fn find(&self, template: &[Attribute], visible: impl Fn(&Face) -> bool) -> Vec<Arc<Face>> {
        let fits = |face: &&Arc<Face>| visible(face) && face.matches(template);
        let indexed = template.iter().find(|attribute| INDEXED.contains(&attribute.r#type));
        match indexed {
            Some(attribute) => {
                let mut places =
                    self.by_attribute.get(&(attribute.r#type, attribute.value.clone())).cloned().unwrap_or_default();
                places.sort_unstable();
                places.iter().filter_map(|place| self.ordered.get(place)).filter(fits).cloned().collect()
            }
            None => self.ordered.values().filter(fits).cloned().collect(),
        }
    }
}
