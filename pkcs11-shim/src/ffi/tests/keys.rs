//! Keys made, wrapped, unwrapped, derived and copied as session objects, and C_InitToken, by whole calls against the
//! fake daemon.

use std::ptr;

use cryptoki_sys::*;

use super::{
    super::table::*,
    calls::{Host, open},
    daemon::SLOT,
    objects::{Wanted, generate, read, search},
};

fn mechanism(kind: u64) -> CK_MECHANISM {
    CK_MECHANISM { mechanism: kind, ..Default::default() }
}

fn with<T>(kind: u64, parameter: &mut T) -> CK_MECHANISM {
    let len = size_of::<T>() as u64;
    CK_MECHANISM { mechanism: kind, pParameter: ptr::from_mut(parameter).cast(), ulParameterLen: len }
}

fn pair(session: u64) -> (u64, u64) {
    let (mut public, mut private) = (Wanted::new().flag(CKA_TOKEN, false), Wanted::new().flag(CKA_TOKEN, false));
    let (mut public, mut private) = (public.attributes(), private.attributes());
    let mut mechanism = mechanism(CKM_EC_KEY_PAIR_GEN);
    let mut handles = (0, 0);
    let rv = unsafe {
        let (public, private) = (public.as_mut_ptr(), private.as_mut_ptr());
        C_GenerateKeyPair(session, &mut mechanism, public, 1, private, 1, &mut handles.0, &mut handles.1)
    };
    assert_eq!(rv, CKR_OK);
    handles
}

/// C_WrapKey into so much room; none asks for the length.
fn wrap(session: u64, mechanism: &mut CK_MECHANISM, keys: (u64, u64), room: usize) -> (CK_RV, u64) {
    let (mut out, mut len) = (vec![0; room], room as u64);
    let place = if room == 0 { ptr::null_mut() } else { out.as_mut_ptr() };
    (unsafe { C_WrapKey(session, mechanism, keys.0, keys.1, place, &mut len) }, len)
}

#[test]
fn a_wrapped_length_is_known_or_asked_for() {
    let host = Host::logged_in();
    let session = host.session;
    let (wrapping, key) = (generate(session, Wanted::new()).unwrap(), generate(session, Wanted::new()).unwrap());
    let mut key_wrap = mechanism(CKM_AES_KEY_WRAP);
    host.daemon.asked();
    assert_eq!(wrap(session, &mut key_wrap, (wrapping, key), 0), (CKR_OK, 40));
    assert_eq!(wrap(session, &mut key_wrap, (wrapping, key), 39), (CKR_BUFFER_TOO_SMALL, 40));
    assert_eq!(host.daemon.asked(), [""; 0]);
    assert_eq!(wrap(session, &mut key_wrap, (wrapping, key), 64), (CKR_OK, 40));
    assert_eq!(host.daemon.asked(), ["wrap"]);
    let mut iv = [0u8; 16];
    for (kind, len) in [(CKM_AES_CBC_PAD, 48), (CKM_AES_CBC, 32)] {
        assert_eq!(wrap(session, &mut with(kind, &mut iv), (wrapping, key), 0), (CKR_OK, len));
    }
    assert_eq!(wrap(session, &mut mechanism(CKM_AES_KEY_WRAP_PAD), (wrapping, key), 0), (CKR_OK, 48));
    assert_eq!(wrap(session, &mut mechanism(CKM_AES_KEY_WRAP_KWP), (wrapping, key), 0), (CKR_OK, 40));
    assert_eq!(host.daemon.asked(), [""; 0]);
    let (_, private) = pair(session);
    let mut padded = mechanism(CKM_AES_KEY_WRAP_KWP);
    assert_eq!(wrap(session, &mut padded, (wrapping, private), 0), (CKR_OK, 123));
    assert_eq!(wrap(session, &mut padded, (wrapping, private), 100), (CKR_BUFFER_TOO_SMALL, 123));
    assert_eq!(wrap(session, &mut padded, (wrapping, private), 123), (CKR_OK, 123));
    assert_eq!(host.daemon.asked(), ["generate session pair", "wrap", "wrap", "wrap"]);
    assert_eq!(wrap(session, &mut padded, (999, key), 0).0, CKR_WRAPPING_KEY_HANDLE_INVALID);
    assert_eq!(wrap(session, &mut padded, (wrapping, 999), 0).0, CKR_KEY_HANDLE_INVALID);
    let stays = generate(session, Wanted::new().flag(CKA_EXTRACTABLE, false)).unwrap();
    assert_eq!(wrap(session, &mut padded, (wrapping, stays), 0).0, CKR_KEY_UNEXTRACTABLE);
    let weak = generate(session, Wanted::new().flag(CKA_WRAP, false)).unwrap();
    host.daemon.asked();
    assert_ne!(wrap(session, &mut padded, (weak, key), 64).0, CKR_OK);
    assert_eq!(host.daemon.asked(), [""; 0], "what may not be done is not asked for");
}

#[test]
fn associated_data_goes_along_and_an_iv_is_made() {
    let host = Host::logged_in();
    let session = host.session;
    let (wrapping, key) = (generate(session, Wanted::new()).unwrap(), generate(session, Wanted::new()).unwrap());
    let mut iv = [0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut gcm = CK_GCM_WRAP_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 12,
        ivGenerator: CKG_GENERATE_RANDOM,
        ulTagBits: 128,
        ..Default::default()
    };
    let mut mechanism_gcm = with(CKM_AES_GCM, &mut gcm);
    let mut data = *b"associated";
    let mut authenticated = |mechanism: &mut CK_MECHANISM, room: usize| {
        let (mut out, mut len) = (vec![0; room], room as u64);
        let place = if room == 0 { ptr::null_mut() } else { out.as_mut_ptr() };
        let data = data.as_mut_ptr();
        (unsafe { C_WrapKeyAuthenticated(session, mechanism, wrapping, key, data, 10, place, &mut len) }, len)
    };
    assert_eq!(authenticated(&mut mechanism_gcm, 0), (CKR_OK, 48));
    assert_eq!(iv[2..], [0; 10], "a length query makes no IV");
    // What the fake daemon makes is as long as the associated data says.
    assert_eq!(authenticated(&mut mechanism_gcm, 64), (CKR_OK, 50));
    assert_eq!((iv[0], iv[1] & 0xf0), (0xff, 0xf0), "fixed");
    assert_ne!(iv[2..], [0; 10], "made");
    assert_eq!(authenticated(&mut mechanism(CKM_AES_KEY_WRAP), 64).0, CKR_MECHANISM_INVALID);
    gcm.ivGenerator = CKG_GENERATE_COUNTER;
    assert_eq!(authenticated(&mut with(CKM_AES_GCM, &mut gcm), 64).0, CKR_MECHANISM_PARAM_INVALID);
    let (mut wrapped, mut template, mut unwrapped) = ([1u8; 48], Wanted::new().text(CKA_LABEL, "back"), 0);
    let mut template = template.attributes();
    gcm.ivGenerator = CKG_NO_GENERATE;
    let mut mechanism_gcm = with(CKM_AES_GCM, &mut gcm);
    let rv = unsafe {
        let (wrapped, template, data) = (wrapped.as_mut_ptr(), template.as_mut_ptr(), data.as_mut_ptr());
        let mechanism = &raw mut mechanism_gcm;
        C_UnwrapKeyAuthenticated(session, mechanism, wrapping, wrapped, 48, template, 1, data, 10, &mut unwrapped)
    };
    assert_eq!(rv, CKR_OK);
    assert_eq!(search(session, Wanted::new().text(CKA_LABEL, "back").flag(CKA_TOKEN, false)), [unwrapped]);
}

#[test]
fn derived_keys_come_back_each_in_its_place() {
    let host = Host::logged_in();
    let session = host.session;
    let generic = || Wanted::new().number(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    let (base, other) = (generate(session, generic()).unwrap(), generate(session, generic()).unwrap());
    let derive = |mechanism: &mut CK_MECHANISM, base: u64, out: *mut u64| unsafe {
        C_DeriveKey(session, mechanism, base, ptr::null_mut(), 0, out)
    };
    let mut first = 0;
    let mut named = other;
    assert_eq!(derive(&mut with(CKM_CONCATENATE_BASE_AND_KEY, &mut named), base, &mut first), CKR_OK);
    named = 999;
    let mut concatenate = with(CKM_CONCATENATE_BASE_AND_KEY, &mut named);
    assert_eq!(derive(&mut concatenate, base, &mut first), CKR_KEY_HANDLE_INVALID);
    let (mut label_2, mut label_3) = (Wanted::new().text(CKA_LABEL, "2"), Wanted::new().text(CKA_LABEL, "3"));
    let (mut template_2, mut template_3) = (label_2.attributes(), label_3.attributes());
    let (mut second, mut third) = (0, 0);
    let mut further = [(&mut template_2, &mut second), (&mut template_3, &mut third)].map(|(template, handle)| {
        CK_DERIVED_KEY { pTemplate: template.as_mut_ptr(), ulAttributeCount: 1, phKey: handle }
    });
    let mut counter = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: 32 };
    let mut parts = [CK_PRF_DATA_PARAM {
        type_: CK_SP800_108_ITERATION_VARIABLE,
        pValue: (&raw mut counter).cast(),
        ulValueLen: size_of::<CK_SP800_108_COUNTER_FORMAT>() as u64,
    }];
    let mut kdf = CK_SP800_108_KDF_PARAMS {
        prfType: CKM_SHA256_HMAC,
        ulNumberOfDataParams: 1,
        pDataParams: parts.as_mut_ptr(),
        ulAdditionalDerivedKeys: 2,
        pAdditionalDerivedKeys: further.as_mut_ptr(),
    };
    let mut mechanism = with(CKM_SP800_108_COUNTER_KDF, &mut kdf);
    assert_eq!(derive(&mut mechanism, base, ptr::null_mut()), CKR_ARGUMENTS_BAD);
    assert_eq!(derive(&mut mechanism, base, &mut first), CKR_OK);
    assert_eq!(read(session, second, CKA_LABEL, 1), (CKR_OK, 1, b"2".to_vec()));
    assert_eq!(read(session, third, CKA_LABEL, 1), (CKR_OK, 1, b"3".to_vec()));
    assert!(first != second && second != third);
}

#[test]
fn copies_are_what_their_original_was_unless_told() {
    let host = Host::logged_in();
    let session = host.session;
    let key = generate(session, Wanted::new().text(CKA_LABEL, "a")).unwrap();
    let copy = |session: u64, mut wanted: Wanted| {
        let (mut template, mut copied) = (wanted.attributes(), 0);
        let count = template.len() as u64;
        let rv = unsafe { C_CopyObject(session, key, template.as_mut_ptr(), count, &mut copied) };
        (rv, copied)
    };
    let read_only = open(0).unwrap();
    assert_eq!(copy(read_only, Wanted::new().flag(CKA_TOKEN, true)).0, CKR_SESSION_READ_ONLY);
    let (rv, copied) = copy(read_only, Wanted::new().text(CKA_LABEL, "b"));
    assert_eq!(rv, CKR_OK);
    assert_ne!(copied, key);
    assert_eq!(read(session, copied, CKA_LABEL, 1).2, b"b");
    assert_eq!(unsafe { C_CloseSession(read_only) }, CKR_OK);
    assert_eq!(read(session, copied, CKA_LABEL, 1).0, CKR_OBJECT_HANDLE_INVALID, "the copy is the copying session's");
    assert_eq!(read(session, key, CKA_LABEL, 1).0, CKR_OK);
    let fixed = generate(session, Wanted::new().flag(CKA_COPYABLE, false).flag(CKA_DESTROYABLE, false)).unwrap();
    let mut out = 0;
    assert_eq!(unsafe { C_CopyObject(session, fixed, ptr::null_mut(), 0, &mut out) }, CKR_ACTION_PROHIBITED);
    assert_eq!(unsafe { C_DestroyObject(session, fixed) }, CKR_ACTION_PROHIBITED);
}

#[test]
fn a_token_is_initialised_with_no_session_open() {
    let host = Host::start();
    let mut label = *b"new vault                       ";
    let mut init = |slot: u64, pin: &str| unsafe {
        C_InitToken(slot, pin.as_ptr().cast_mut(), pin.len() as u64, label.as_mut_ptr())
    };
    assert_eq!(init(SLOT, "so-pin"), CKR_SESSION_EXISTS);
    assert_eq!(unsafe { C_CloseSession(host.session) }, CKR_OK);
    assert_eq!(init(999, "so-pin"), CKR_SLOT_ID_INVALID);
    assert_eq!(init(SLOT, "wrong"), CKR_PIN_INCORRECT);
    assert_eq!(init(SLOT, "so-pin"), CKR_OK);
    assert_eq!(host.daemon.world.lock().unwrap().labels, [""], "a vault keeps its name");
}
