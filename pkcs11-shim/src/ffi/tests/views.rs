//! Views with wrong lengths, missing pointers, and whatever proptest thinks of.

use std::ptr;

use cryptoki_sys as ck;
use proptest::{collection::vec, prelude::*};

use super::super::{AttributesOut, InBuf, InitArgs, MechanismArg, OutArray, OutBuf, OutFill, OutList, Room, Template};
use crate::{
    attribute::Lookup,
    error::Error,
    mechanism::{Mechanism, Params, TABLE},
};

#[test]
fn input() {
    let data = *b"abc";
    let view = |data, len| unsafe { InBuf::new(data, len) }.bytes().map(<[u8]>::to_vec);
    assert_eq!(view(data.as_ptr(), 3), Ok(b"abc".to_vec()));
    assert_eq!(view(ptr::null(), 0), Ok(Vec::new()));
    assert_eq!(view(data.as_ptr(), 0), Ok(Vec::new()));
    assert_eq!(view(ptr::null(), 1), Err(Error::ArgumentsBad));
    assert_eq!(view(data.as_ptr(), u64::MAX), Err(Error::ArgumentsBad));
}

#[test]
fn output_by_section_5_2() {
    let (mut data, mut len) = ([0u8; 4], 0);
    assert_eq!(unsafe { OutBuf::new(data.as_mut_ptr(), ptr::null_mut()) }.room_for(1), Err(Error::ArgumentsBad));
    assert_eq!(unsafe { OutBuf::new(ptr::null_mut(), &mut len) }.room_for(3), Ok(Room::Query));
    assert_eq!(len, 3);
    len = 2;
    assert_eq!(unsafe { OutBuf::new(data.as_mut_ptr(), &mut len) }.room_for(3), Err(Error::BufferTooSmall));
    assert_eq!(len, 3);
    len = 4;
    assert_eq!(unsafe { OutBuf::new(data.as_mut_ptr(), &mut len) }.write(b"abc"), Ok(()));
    assert_eq!((len, data), (3, *b"abc\0"));
    len = 1;
    assert_eq!(unsafe { OutBuf::new(data.as_mut_ptr(), &mut len) }.room_up_to(100), Ok(Room::Enough));
    assert_eq!(unsafe { OutBuf::new(ptr::null_mut(), &mut len) }.room_up_to(100), Ok(Room::Query));
    assert_eq!(len, 100);
}

#[test]
fn lists_and_arrays() {
    let (mut items, mut count) = ([0u64; 3], 2);
    assert_eq!(unsafe { OutList::new(items.as_mut_ptr(), &mut count) }.fill(&[1, 2, 3]), Err(Error::BufferTooSmall));
    assert_eq!((count, items), (3, [0; 3]));
    assert_eq!(unsafe { OutList::new(items.as_mut_ptr(), &mut count) }.fill(&[1, 2, 3]), Ok(()));
    assert_eq!(items, [1, 2, 3]);
    assert_eq!(unsafe { OutArray::new(ptr::null_mut(), 1, &mut count) }.capacity(), Err(Error::ArgumentsBad));
    assert_eq!(unsafe { OutArray::new(items.as_mut_ptr(), 2, &mut count) }.fill(&[7, 8, 9]), Ok(()));
    assert_eq!((count, items), (2, [7, 8, 3]));
    let mut random = [0u8; 1500];
    let fill = unsafe { OutFill::new(random.as_mut_ptr(), 1500) };
    fill.fill(|part| {
        part.fill(9);
        Ok(())
    })
    .unwrap();
    assert!(random.iter().all(|byte| *byte == 9));
}

fn attribute<T>(type_: u64, value: &mut [T]) -> ck::CK_ATTRIBUTE {
    ck::CK_ATTRIBUTE { type_, pValue: value.as_mut_ptr().cast(), ulValueLen: size_of_val(value) as u64 }
}

#[test]
fn every_attribute_is_processed() {
    let (mut label, mut short, mut class) = (*b"......", [0u8; 1], [0u64]);
    let none = ck::CK_ATTRIBUTE { type_: ck::CKA_LABEL, ..Default::default() };
    let mut wanted = [
        attribute(ck::CKA_VALUE, &mut [0u8; 9]),
        attribute(ck::CKA_LABEL, &mut label),
        attribute(ck::CKA_APPLICATION, &mut [0u8; 9]),
        attribute(ck::CKA_LABEL, &mut short),
        none,
        attribute(ck::CKA_CLASS, &mut class),
        attribute::<u8>(ck::CKA_ID, &mut []),
    ];
    let class_wire = 3u64.to_le_bytes();
    let lookup = |attribute_type| match attribute_type {
        ck::CKA_VALUE => Lookup::Sensitive,
        ck::CKA_LABEL => Lookup::Value(b"abcd"),
        ck::CKA_CLASS => Lookup::Value(&class_wire),
        ck::CKA_ID => Lookup::Value(b""),
        _ => Lookup::Absent,
    };
    let fill = |wanted: &mut [ck::CK_ATTRIBUTE]| {
        unsafe { AttributesOut::new(wanted.as_mut_ptr(), wanted.len() as u64) }.fill(lookup)
    };
    assert_eq!(fill(&mut wanted), Err(Error::AttributeSensitive));
    let missing = ck::CK_UNAVAILABLE_INFORMATION;
    assert_eq!(wanted.map(|each| each.ulValueLen), [missing, 4, missing, missing, 4, 8, 0]);
    assert_eq!((&label, class), (b"abcd..", [3]));
    wanted[3].ulValueLen = 1;
    assert_eq!(fill(&mut wanted[1..]), Err(Error::AttributeTypeInvalid));
    wanted[3].ulValueLen = 1;
    assert_eq!(fill(&mut wanted[3..4]), Err(Error::BufferTooSmall));
    // The length now says that there is no value. Taken for a length, it would have the one byte's neighbours overwritten.
    assert_eq!(fill(&mut wanted[3..4]), Err(Error::BufferTooSmall));
    assert_eq!(fill(&mut wanted[4..]), Ok(()));
    assert_eq!(unsafe { AttributesOut::new(ptr::null_mut(), 1) }.fill(lookup), Err(Error::ArgumentsBad));
}

#[test]
fn templates_nest_once() {
    let mut id = *b"id";
    let mut inner = [attribute(ck::CKA_ID, &mut id), attribute(ck::CKA_SIGN, &mut [1u8])];
    let outer = [attribute(ck::CKA_WRAP_TEMPLATE, &mut inner)];
    let parsed = unsafe { Template::new(outer.as_ptr(), 1) }.parse().unwrap();
    // Out again by the same type: its length, then types and values.
    let lookup = |_| Lookup::Value(&parsed[0].value);
    let (mut id, mut sign) = ([0u8; 2], [0u8; 1]);
    let mut items = [attribute(0, &mut id), attribute(0, &mut sign)];
    let mut wanted = [ck::CK_ATTRIBUTE { type_: ck::CKA_WRAP_TEMPLATE, ..Default::default() }];
    assert_eq!(unsafe { AttributesOut::new(wanted.as_mut_ptr(), 1) }.fill(lookup), Ok(()));
    assert_eq!(wanted[0].ulValueLen, 48);
    wanted[0].pValue = items.as_mut_ptr().cast();
    assert_eq!(unsafe { AttributesOut::new(wanted.as_mut_ptr(), 1) }.fill(lookup), Ok(()));
    assert_eq!(items.map(|item| item.type_), [ck::CKA_ID, ck::CKA_SIGN]);
    assert_eq!((&id, sign), (b"id", [1]));

    let mut deeper = outer;
    let deepest = [attribute(ck::CKA_UNWRAP_TEMPLATE, &mut deeper)];
    let refused = unsafe { Template::new(deepest.as_ptr(), 1) }.parse().map(drop);
    assert_eq!(refused, Err(Error::AttributeValueInvalid));
    let lost = ck::CK_ATTRIBUTE { type_: ck::CKA_LABEL, pValue: ptr::null_mut(), ulValueLen: 5 };
    assert_eq!(unsafe { Template::new(&lost, 1) }.parse().map(drop), Err(Error::AttributeValueInvalid));
    assert_eq!(unsafe { Template::new(ptr::null(), 1) }.parse().map(drop), Err(Error::ArgumentsBad));
    assert_eq!(unsafe { Template::new(&lost, u64::MAX) }.parse().map(drop), Err(Error::ArgumentsBad));
}

fn parse<T>(mechanism: u64, parameter: &mut T, len: usize) -> Result<Mechanism, Error> {
    let pointer = ptr::from_mut(parameter).cast();
    let mechanism = ck::CK_MECHANISM { mechanism, pParameter: pointer, ulParameterLen: len as u64 };
    unsafe { MechanismArg::new(&mechanism) }.parse()
}

#[test]
fn mechanisms() {
    let mut pss = ck::CK_RSA_PKCS_PSS_PARAMS { hashAlg: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256, sLen: 32 };
    assert!(matches!(parse(ck::CKM_RSA_PKCS_PSS, &mut pss, 24).unwrap().params, Params::Pss(_)));
    assert_eq!(parse(ck::CKM_RSA_PKCS_PSS, &mut pss, 23).map(drop), Err(Error::MechanismParamInvalid));
    assert_eq!(parse(ck::CKM_RSA_PKCS_OAEP, &mut pss, 24).map(drop), Err(Error::MechanismParamInvalid));
    assert_eq!(parse(ck::CKM_ECDSA, &mut pss, 24).map(drop), Err(Error::MechanismParamInvalid));
    assert_eq!(parse(u64::MAX, &mut pss, 24).map(drop), Err(Error::MechanismInvalid));
    let mut oaep = ck::CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: ck::CKM_SHA256,
        mgf: ck::CKG_MGF1_SHA1,
        source: ck::CKZ_DATA_SPECIFIED,
        pSourceData: ptr::null_mut(),
        ulSourceDataLen: 0,
    };
    assert!(matches!(parse(ck::CKM_RSA_PKCS_OAEP, &mut oaep, 40).unwrap().params, Params::Oaep(_)));
    oaep.ulSourceDataLen = 3;
    assert_eq!(parse(ck::CKM_RSA_PKCS_OAEP, &mut oaep, 40).map(drop), Err(Error::MechanismParamInvalid));
    assert_eq!(unsafe { MechanismArg::new(ptr::null()) }.parse().map(drop), Err(Error::ArgumentsBad));
}

#[test]
fn initialisation_arguments() {
    let parse = |args: *const ck::CK_C_INITIALIZE_ARGS| unsafe { InitArgs::new(args.cast()) }.parse();
    assert_eq!(parse(ptr::null()), Ok(None));
    let mut args = ck::CK_C_INITIALIZE_ARGS { flags: ck::CKF_OS_LOCKING_OK, ..Default::default() };
    assert_eq!(parse(&args), Ok(None));
    unsafe extern "C" fn lock(_: *mut std::ffi::c_void) -> ck::CK_RV {
        ck::CKR_OK
    }
    args.LockMutex = Some(lock);
    assert_eq!(parse(&args), Err(Error::ArgumentsBad));
    args.LockMutex = None;
    args.pReserved = c"endpoint=unix:///x".as_ptr().cast_mut().cast();
    assert_eq!(parse(&args), Ok(Some("endpoint=unix:///x".into())));
    args.pReserved = [0xffu8, 1, 2].as_mut_ptr().cast();
    assert_eq!(parse(&args), Ok(None));
}

fn attribute_type() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0u64..0x700, 0x4000_0000u64..0x4000_0700]
}

proptest! {
    #[test]
    fn any_template_is_answered(given in vec((attribute_type(), vec(any::<u8>(), 0..80)), 0..20)) {
        let mut given = given;
        // Arrays of attributes carry pointers: for those only lengths that hold no whole item can be random.
        let attributes: Vec<_> = given.iter_mut().map(|(type_, value)| {
            let mut item = attribute(*type_, value);
            if softkeep_proto::attribute::value_kind(*type_) == softkeep_proto::attribute::ValueKind::Template {
                item.ulValueLen %= 24;
            }
            item
        }).collect();
        let _ = unsafe { Template::new(attributes.as_ptr(), attributes.len() as u64) }.parse();
    }

    #[test]
    fn any_attribute_is_read(
        types in vec(attribute_type(), 0..20),
        value in vec(any::<u8>(), 0..40),
        room in 0usize..24,
    ) {
        let mut rooms = vec![vec![0u8; room]; types.len()];
        let mut wanted: Vec<_> = types.iter().zip(&mut rooms).map(|(type_, room)| attribute(*type_, room)).collect();
        let _ = unsafe { AttributesOut::new(wanted.as_mut_ptr(), wanted.len() as u64) }.fill(|_| Lookup::Value(&value));
        for item in wanted {
            prop_assert!(item.ulValueLen == ck::CK_UNAVAILABLE_INFORMATION || item.ulValueLen <= room as u64);
        }
    }

    #[test]
    fn any_parameter_is_judged(row in 0..TABLE.len(), mut words in any::<[u64; 5]>(), len in 0usize..=40) {
        // The OAEP label's pointer stays NULL; all else may be anything.
        words[3] = 0;
        let _ = parse(TABLE[row].mechanism, &mut words, len);
    }
}
