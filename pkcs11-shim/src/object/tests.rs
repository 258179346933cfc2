//! The handle table with many session objects in it.
#![allow(clippy::unwrap_used)]

use cryptoki_sys as ck;

use super::*;

const SLOT: u64 = 3;

fn attribute(r#type: u64, value: &[u8]) -> Attribute {
    Attribute { r#type, value: value.to_vec().into() }
}

fn object(number: u32, label: &str) -> Object {
    let class = ck::CKO_SECRET_KEY.to_le_bytes();
    let attributes = vec![
        attribute(ck::CKA_LABEL, label.as_bytes()),
        attribute(ck::CKA_CLASS, &class),
        attribute(ck::CKA_ID, &number.to_be_bytes()),
        attribute(ck::CKA_TOKEN, &[0]),
    ];
    let unique_id = u128::from(number).to_be_bytes().to_vec().into();
    Object { unique_id, class: ck::CKO_SECRET_KEY, attributes, sealed: vec![7; 64].into(), ..Object::default() }
}

fn entry(object: Object, session: u64) -> Entry {
    let place = Place::Session(SessionObject::new(&object.sealed, session));
    Entry { slot_id: SLOT, id: ObjectId::of(&object).unwrap(), attributes: Arc::new(Attributes::of(object)), place }
}

#[test]
fn the_rarest_word_is_looked_at_and_not_all_objects() {
    let (mut table, mut last) = (ObjectTable::default(), 0);
    for number in 0..100_000 {
        table.store(entry(object(number, &format!("label {}", number % 1000)), u64::from(number % 2)), &mut last);
    }
    let class = attribute(ck::CKA_CLASS, &ck::CKO_SECRET_KEY.to_le_bytes());
    let (label, id) = (attribute(ck::CKA_LABEL, b"label 77"), attribute(ck::CKA_ID, &5_077u32.to_be_bytes()));
    let count = |template: &[Attribute]| table.index.candidates(SLOT, template).count();
    assert_eq!(count(&[class.clone(), label.clone()]), 100);
    assert_eq!(count(&[class.clone(), label.clone(), id.clone()]), 1);
    assert_eq!(count(&[attribute(ck::CKA_LABEL, b"nobody's"), class.clone()]), 0);
    assert_eq!(count(&[attribute(ck::CKA_CLASS, &[9; 8])]), 0);
    assert_eq!(count(&[]), 100_000);
    assert_eq!(table.index.candidates(SLOT + 1, &[]).count(), 0);
    assert_eq!(table.find_session_objects(SLOT, &[class.clone(), label, id]), [5078]);
    assert_eq!(table.find_session_objects(SLOT, &[class]).len(), 100_000);
    table.remove_session(1);
    assert_eq!(table.find_session_objects(SLOT, &[]).len(), 50_000);
    table.remove_sessions(SLOT);
    assert!(table.entries.is_empty() && table.handles.is_empty() && table.index.is_empty());
}

#[test]
fn a_key_in_use_keeps_its_form_and_not_its_object() {
    let (mut table, mut last) = (ObjectTable::default(), 0);
    let handle = table.store(entry(object(1, "a"), 1), &mut last);
    let before = table.get(SLOT, handle).unwrap().key();
    let changed = Object { sealed: vec![8; 64].into(), ..object(1, "b") };
    assert!(table.replace(handle, &before, changed.clone()));
    assert!(!table.replace(handle, &before, changed), "it is no longer what the change was made of");
    let sealed = |key: &Key| match key.to_wire(None).key {
        Some(key_ref::Key::Sealed(sealed)) => Some(sealed[0]),
        _ => None,
    };
    let after = table.get(SLOT, handle).unwrap().key();
    assert_eq!((sealed(&before), sealed(&after)), (Some(7), Some(8)), "an operation that began goes on as it began");
    assert_eq!(table.find_session_objects(SLOT, &[attribute(ck::CKA_LABEL, b"b")]), [handle]);
    assert_eq!(table.find_session_objects(SLOT, &[attribute(ck::CKA_LABEL, b"a")]), []);
    let id = table.get(SLOT, handle).unwrap().id;
    table.remove(SLOT, id);
    assert_eq!((sealed(&before), sealed(&after)), (None, None), "what is destroyed is wiped, whoever still uses it");
    assert_ne!(table.store(entry(object(1, "a"), 1), &mut last), handle, "no handle means a second object");
}
