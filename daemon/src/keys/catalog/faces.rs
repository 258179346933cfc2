//! The PKCS#11 objects of one vault, in creation order and by what applications search for. What they look like is `face`'s.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;

use crate::{id::Id, keys::face::Face};

/// Where an object stands: by the order of creation, then by class.
type Place = (u64, u64);

/// The PKCS#11 objects of a vault, in creation order and by what applications search for.
#[derive(Default)]
pub(super) struct Faces {
    ordered: BTreeMap<Place, Arc<Face>>,
    places: HashMap<Id, Vec<Place>>,
    by_attribute: HashMap<(u64, Bytes), BTreeSet<Place>>,
    by_kind: HashMap<Kind, BTreeSet<Place>>,
}

/// CKA_CLASS and, of keys, CKA_KEY_TYPE.
type Kind = (u64, Option<Bytes>);

/// The attributes that have an index: what tells one object from thousands.
const INDEXED: [u64; 4] = [ck::CKA_LABEL, ck::CKA_ID, ck::CKA_PUBLIC_KEY_INFO, ck::CKA_SUBJECT];

/// The values of a face that are in an index. Empty ones tell nothing apart.
fn indexed(face: &Face) -> impl Iterator<Item = (u64, Bytes)> {
    let values = INDEXED.into_iter().filter_map(|kind| face.attributes.get(&kind).map(|value| (kind, value.clone())));
    values.filter(|(_, value)| !value.is_empty())
}

/// The kinds under which a face is found: its class, and with its key type.
fn kinds(face: &Face) -> impl Iterator<Item = Kind> {
    let key_type = face.attributes.get(&ck::CKA_KEY_TYPE).cloned();
    let with_type = key_type.map(|key_type| (face.class, Some(key_type)));
    std::iter::once((face.class, None)).chain(with_type)
}

impl Faces {
    /// Shows an id's objects in place of those it had.
    pub(super) fn replace(&mut self, id: Id, ordinal: u64, faces: Vec<Face>) {
        for place in self.places.remove(&id).unwrap_or_default() {
            let Some(old) = self.ordered.remove(&place) else { continue };
            indexed(&old).for_each(|key| forget(&mut self.by_attribute, &key, place));
            kinds(&old).for_each(|key| forget(&mut self.by_kind, &key, place));
        }
        for face in faces {
            let place = (ordinal, face.class);
            for key in indexed(&face) {
                self.by_attribute.entry(key).or_default().insert(place);
            }
            for key in kinds(&face) {
                self.by_kind.entry(key).or_default().insert(place);
            }
            self.places.entry(id).or_default().push(place);
            self.ordered.insert(place, Arc::new(face));
        }
    }

    /// The objects of one id.
    pub(super) fn of(&self, id: Id) -> impl Iterator<Item = &Arc<Face>> {
        self.places.get(&id).into_iter().flatten().filter_map(|place| self.ordered.get(place))
    }

    /// The objects that match a template, in creation order, from one on: by an index where the template has what one is for.
    pub(super) fn find<'a>(
        &'a self,
        template: &'a [Attribute],
        after: Option<(Id, u64)>,
        visible: impl Fn(&Face) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Arc<Face>> + 'a {
        let after = after.and_then(|(id, class)| self.places.get(&id)?.iter().find(|place| place.1 == class).copied());
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let candidates: Box<dyn Iterator<Item = &Arc<Face>>> = match self.candidates(template) {
            Candidates::These(places) => {
                let places = places.into_iter().flat_map(move |places| places.range(from));
                Box::new(places.filter_map(|place| self.ordered.get(place)))
            }
            Candidates::All => Box::new(self.ordered.range(from).map(|(_, face)| face)),
        };
        candidates.filter(move |face| visible(face) && face.matches(template))
    }

    /// The smallest set that an index gives for a template.
    fn candidates(&self, template: &[Attribute]) -> Candidates<'_> {
        let of = |kind| template.iter().find(|wanted| wanted.r#type == kind).map(|wanted| wanted.value.clone());
        let class = of(ck::CKA_CLASS).and_then(|class| class[..].try_into().ok()).map(u64::from_le_bytes);
        let kind = class.map(|class| (class, of(ck::CKA_KEY_TYPE)));
        let told = |wanted: &&Attribute| INDEXED.contains(&wanted.r#type) && !wanted.value.is_empty();
        let by_attribute = template.iter().filter(told).map(|wanted| {
            let key = (wanted.r#type, wanted.value.clone());
            self.by_attribute.get(&key)
        });
        let by_kind = kind.iter().map(|kind| self.by_kind.get(kind));
        by_attribute
            .chain(by_kind)
            .min_by_key(|places| places.map_or(0, BTreeSet::len))
            .map_or(Candidates::All, Candidates::These)
    }
}

/// What an index leaves of all objects.
enum Candidates<'a> {
    /// No index is for the template.
    All,
    /// These, or none.
    These(Option<&'a BTreeSet<Place>>),
}

fn forget<K: std::hash::Hash + Eq>(index: &mut HashMap<K, BTreeSet<Place>>, key: &K, place: Place) {
    if let Some(places) = index.get_mut(key) {
        places.remove(&place);
        if places.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
#[path = "faces/tests.rs"]
mod tests;
