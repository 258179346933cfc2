//! Conversions and look-ups.
#![allow(clippy::unwrap_used)]

use softkeep_proto::pkcs11::v1::Attribute;

use super::*;

const CKA_CLASS: u64 = 0;
const CKA_TOKEN: u64 = 1;
const CKA_LABEL: u64 = 3;
const CKA_VALUE: u64 = 0x11;
const CKA_ALLOWED_MECHANISMS: u64 = 0x4000_0600;
const CKA_WRAP_TEMPLATE: u64 = 0x4000_0211;

fn check(attribute_type: u64, native: &[u8], expect: Result<&[u8]>) {
    assert_eq!(to_wire(attribute_type, native), expect.map(<[u8]>::to_vec), "type {attribute_type:#x}");
}

#[test]
fn values_take_the_wire_form() {
    check(CKA_CLASS, &3u64.to_ne_bytes(), Ok(&[3, 0, 0, 0, 0, 0, 0, 0]));
    check(CKA_CLASS, &[3], Err(Error::AttributeValueInvalid));
    check(CKA_CLASS, &[], Err(Error::AttributeValueInvalid));
    check(CKA_TOKEN, &[1], Ok(&[1]));
    check(CKA_TOKEN, &[0xff], Ok(&[1]));
    check(CKA_TOKEN, &[], Err(Error::AttributeValueInvalid));
    check(CKA_LABEL, b"a b", Ok(b"a b"));
    check(CKA_LABEL, b"", Ok(b""));
    check(CKA_ALLOWED_MECHANISMS, &[], Ok(&[]));
    check(CKA_ALLOWED_MECHANISMS, &[1, 2, 3], Err(Error::AttributeValueInvalid));
    check(CKA_WRAP_TEMPLATE, &[0; 24], Err(Error::AttributeValueInvalid));
    check(CKA_LABEL, &vec![0; MAX_ATTRIBUTE_BYTES + 1], Err(Error::AttributeValueInvalid));
}

#[test]
fn the_unavailable_number_survives() {
    let wire = to_wire(CKA_CLASS, &u64::MAX.to_ne_bytes()).unwrap();
    assert_eq!(wire, [0xff; 8]);
    assert_eq!(to_native(CKA_CLASS, &wire), u64::MAX.to_ne_bytes());
}

#[test]
fn looks_up_what_the_daemon_told() {
    let attributes = Attributes::of(Object {
        attributes: vec![
            Attribute { r#type: CKA_CLASS, value: 3u64.to_le_bytes().to_vec().into() },
            Attribute { r#type: CKA_TOKEN, value: vec![1].into() },
            Attribute { r#type: CKA_LABEL, value: Vec::new().into() },
        ],
        sensitive: vec![CKA_VALUE],
        ..Object::default()
    });
    assert_eq!(attributes.lookup(CKA_VALUE), Lookup::Sensitive);
    assert_eq!(attributes.lookup(CKA_LABEL), Lookup::Value(&[]));
    assert_eq!(attributes.lookup(0x102), Lookup::Absent);
    assert_eq!(attributes.ulong(CKA_CLASS), Some(3));
    assert_eq!(attributes.ulong(CKA_LABEL), None);
    assert!(attributes.is(CKA_TOKEN));
    assert!(attributes.mechanisms(CKA_ALLOWED_MECHANISMS).is_empty());
}
