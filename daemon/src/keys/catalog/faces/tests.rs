//! Searches by an index find what a look at every object would, and do not look at every object.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::keys::face::number;

fn face(class: u64, key_type: Option<u64>, label: &[u8], id: &[u8]) -> Face {
    let mut attributes = crate::keys::face::Attributes::from([
        (ck::CKA_CLASS, number(class)),
        (ck::CKA_LABEL, Bytes::copy_from_slice(label)),
        (ck::CKA_ID, Bytes::copy_from_slice(id)),
    ]);
    attributes.extend(key_type.map(|key_type| (ck::CKA_KEY_TYPE, number(key_type))));
    Face { class, attributes, ..Face::default() }
}

fn id(number: u64) -> Id {
    let mut id = Id::default();
    id.0[..8].copy_from_slice(&number.to_be_bytes());
    id
}

fn attribute(kind: u64, value: Bytes) -> Attribute {
    Attribute { r#type: kind, value }
}

#[test]
fn a_search_looks_at_what_an_index_leaves() {
    let mut faces = Faces::default();
    for ordinal in 0..10_000 {
        let label = format!("key-{ordinal}");
        let key_type = if ordinal % 1000 == 0 { ck::CKK_EC } else { ck::CKK_RSA };
        let mut face = face(ck::CKO_PRIVATE_KEY, Some(key_type), label.as_bytes(), b"");
        face.unique_id = id(ordinal);
        faces.replace(id(ordinal), ordinal, vec![face]);
    }
    let looked = |template: &[Attribute], after| {
        let count = Cell::new(0);
        let seen = |_: &Face| {
            count.set(count.get() + 1);
            true
        };
        let found = faces.find(template, after, seen).count();
        (found, count.get())
    };
    let class = attribute(ck::CKA_CLASS, number(ck::CKO_PRIVATE_KEY));
    let elliptic = attribute(ck::CKA_KEY_TYPE, number(ck::CKK_EC));
    let label = attribute(ck::CKA_LABEL, Bytes::from_static(b"key-77"));
    assert_eq!(looked(&[class.clone(), label], None), (1, 1));
    assert_eq!(looked(&[class.clone(), elliptic.clone()], None), (10, 10));
    assert_eq!(looked(&[class.clone(), elliptic], Some((id(5000), ck::CKO_PRIVATE_KEY))), (4, 4));
    assert_eq!(looked(&[class, attribute(ck::CKA_LABEL, Bytes::from_static(b"none"))], None), (0, 0));
    assert_eq!(looked(&[], Some((id(9_998), ck::CKO_PRIVATE_KEY))), (1, 1));
}

proptest! {
    #[test]
    fn an_index_changes_nothing_but_the_time(
        steps in proptest::collection::vec((0u64..12, 0u64..3, 0u64..3, 0u8..3, 0u8..3, any::<bool>()), 1..60),
        wanted in (0u64..4, 0u64..4, 0u8..4, 0u8..4),
        after in 0u64..12,
    ) {
        let mut faces = Faces::default();
        let mut expected: BTreeMap<(u64, u64), Face> = BTreeMap::new();
        for (number, class, key_type, label, object_id, gone) in steps {
            let (class, key_type) = (class + 1, (key_type > 0).then_some(key_type));
            let text = |byte: u8| if byte == 0 { Vec::new() } else { vec![byte] };
            let made = Face { unique_id: id(number), ..face(class, key_type, &text(label), &text(object_id)) };
            expected.retain(|(ordinal, _), _| *ordinal != number);
            if !gone {
                expected.insert((number, class), made.clone());
            }
            faces.replace(id(number), number, if gone { vec![] } else { vec![made] });
        }
        let (class, key_type, label, object_id) = wanted;
        let mut template = Vec::new();
        if class > 0 {
            template.push(attribute(ck::CKA_CLASS, number(class)));
        }
        if key_type > 0 {
            template.push(attribute(ck::CKA_KEY_TYPE, number(key_type)));
        }
        if label < 3 {
            template.push(attribute(ck::CKA_LABEL, if label == 0 { Bytes::new() } else { vec![label].into() }));
        }
        if object_id < 3 {
            template.push(attribute(ck::CKA_ID, if object_id == 0 { Bytes::new() } else { vec![object_id].into() }));
        }
        let ids = |found: Vec<&Face>| found.into_iter().map(|face| (face.unique_id, face.class)).collect::<Vec<_>>();
        let scanned = ids(expected.values().filter(|face| face.matches(&template)).collect());
        let found = ids(faces.find(&template, None, |_| true).map(|face| &**face).collect());
        prop_assert_eq!(&found, &scanned);
        if let Some((place, _)) = expected.iter().find(|((ordinal, _), _)| *ordinal == after) {
            let from = Some((id(place.0), place.1));
            let rest = ids(faces.find(&template, from, |_| true).map(|face| &**face).collect());
            let later: Vec<_> = ids(expected.range((Bound::Excluded(place), Bound::Unbounded)).map(|(_, face)| face).filter(|face| face.matches(&template)).collect());
            prop_assert_eq!(rest, later);
        }
    }
}
