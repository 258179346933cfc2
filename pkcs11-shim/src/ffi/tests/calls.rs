//! Whole calls against the fake daemon: what is asked, how often, and what the application sees.

use std::{ptr, thread, time::Duration};

use cryptoki_sys::*;

use super::{
    super::table::*,
    daemon::{Daemon, SLOT},
    turn,
};

/// An initialised module with one session.
pub struct Host {
    pub daemon: Daemon,
    pub session: u64,
    _turn: std::sync::MutexGuard<'static, ()>,
}

pub fn initialise(daemon: &Daemon) -> CK_RV {
    let mut reserved = daemon.init_string();
    let mut args = CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, ..Default::default() };
    args.pReserved = reserved.as_mut_ptr().cast();
    unsafe { C_Initialize((&raw mut args).cast()) }
}

pub fn open(flags: u64) -> Result<u64, CK_RV> {
    let mut session = 0;
    match unsafe { C_OpenSession(SLOT, CKF_SERIAL_SESSION | flags, ptr::null_mut(), None, &mut session) } {
        CKR_OK => Ok(session),
        rv => Err(rv),
    }
}

pub fn login(session: u64, user: u64, pin: &str) -> CK_RV {
    unsafe { C_Login(session, user, pin.as_ptr().cast_mut(), pin.len() as u64) }
}

pub fn find(session: u64, class: u64) -> Vec<u64> {
    let mut class = class;
    let mut template = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: (&raw mut class).cast(), ulValueLen: 8 };
    assert_eq!(unsafe { C_FindObjectsInit(session, &mut template, 1) }, CKR_OK);
    let mut found = Vec::new();
    loop {
        let (mut handle, mut count) = (0, 0);
        assert_eq!(unsafe { C_FindObjects(session, &mut handle, 1, &mut count) }, CKR_OK);
        if count == 0 {
            break;
        }
        found.push(handle);
    }
    assert_eq!(unsafe { C_FindObjectsFinal(session) }, CKR_OK);
    found
}

pub fn sign_init(session: u64, mechanism: u64, key: u64) -> CK_RV {
    let mut mechanism = CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
    unsafe { C_SignInit(session, &mut mechanism, key) }
}

pub fn sign(session: u64, data: &[u8], room: usize) -> Result<Vec<u8>, (CK_RV, u64)> {
    let (mut out, mut len) = (vec![0; room], room as u64);
    let pointer = if room == 0 { ptr::null_mut() } else { out.as_mut_ptr() };
    match unsafe { C_Sign(session, data.as_ptr().cast_mut(), data.len() as u64, pointer, &mut len) } {
        CKR_OK if room > 0 => Ok(out[..len as usize].to_vec()),
        rv => Err((rv, len)),
    }
}

fn label(session: u64, object: u64) -> Result<Vec<u8>, CK_RV> {
    let mut label = [0u8; 40];
    let mut wanted = CK_ATTRIBUTE { type_: CKA_LABEL, pValue: label.as_mut_ptr().cast(), ulValueLen: 40 };
    match unsafe { C_GetAttributeValue(session, object, &mut wanted, 1) } {
        CKR_OK => Ok(label[..wanted.ulValueLen as usize].to_vec()),
        rv => Err(rv),
    }
}

impl Host {
    pub fn start() -> Self {
        let turn = turn();
        let daemon = Daemon::start();
        assert_eq!(initialise(&daemon), CKR_OK);
        let session = open(CKF_RW_SESSION).unwrap();
        assert_eq!(daemon.asked(), ["list"]);
        Self { daemon, session, _turn: turn }
    }

    pub fn logged_in() -> Self {
        let host = Self::start();
        assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
        host.daemon.asked();
        host
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        unsafe { C_Finalize(ptr::null_mut()) };
    }
}

#[test]
fn slots_and_tokens() {
    let host = Host::start();
    let mut count = 0;
    assert_eq!(unsafe { C_GetSlotList(CK_TRUE, ptr::null_mut(), &mut count) }, CKR_OK);
    let mut slots = [0; 1];
    assert_eq!(unsafe { C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &mut count) }, CKR_OK);
    assert_eq!((count, slots), (1, [SLOT]));
    let mut info = CK_TOKEN_INFO::default();
    assert_eq!(unsafe { C_GetTokenInfo(SLOT, &mut info) }, CKR_OK);
    assert_eq!(&info.label, b"dev                             ");
    assert_eq!(&info.serialNumber, b"0123456789abcdef");
    assert_eq!(info.flags, CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
    assert_eq!((info.ulSessionCount, info.ulRwSessionCount), (1, 1));
    assert_eq!(unsafe { C_GetTokenInfo(99, &mut info) }, CKR_SLOT_ID_INVALID);
    assert_eq!(host.daemon.asked(), [""; 0], "a second has not passed");
    assert_eq!(
        unsafe { C_OpenSession(SLOT, 0, ptr::null_mut(), None, &mut count) },
        CKR_SESSION_PARALLEL_NOT_SUPPORTED
    );
}

#[test]
fn login_is_the_applications() {
    let host = Host::start();
    let read_only = open(0).unwrap();
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), []);
    assert_eq!(login(host.session, CKU_SO, "1234"), CKR_SESSION_READ_ONLY_EXISTS);
    assert_eq!(login(host.session, CKU_CONTEXT_SPECIFIC, "1234"), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(login(host.session, 9, "1234"), CKR_USER_TYPE_INVALID);
    assert_eq!(login(host.session, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
    assert_eq!(login(read_only, CKU_USER, "1234"), CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(login(read_only, CKU_SO, "1234"), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    let [key] = find(read_only, CKO_PRIVATE_KEY)[..] else { panic!("one key") };
    assert_eq!(unsafe { C_DestroyObject(read_only, key) }, CKR_SESSION_READ_ONLY);
    assert_eq!(sign_init(read_only, CKM_ECDSA, key), CKR_OK);
    assert_eq!(unsafe { C_Logout(host.session) }, CKR_OK);
    assert_eq!(unsafe { C_Logout(host.session) }, CKR_USER_NOT_LOGGED_IN);
    assert_eq!(sign(read_only, &[1; 32], 64), Err((CKR_OPERATION_NOT_INITIALIZED, 64)));
    assert_eq!(sign_init(read_only, CKM_ECDSA, key), CKR_KEY_HANDLE_INVALID);
    // The last session takes the login along.
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
    assert_eq!(unsafe { C_CloseAllSessions(SLOT) }, CKR_OK);
    let session = open(CKF_RW_SESSION).unwrap();
    assert!(session > read_only, "handles are not used twice");
    assert_eq!(unsafe { C_Logout(session) }, CKR_USER_NOT_LOGGED_IN);
}

#[test]
fn one_call_for_a_signature() {
    let host = Host::logged_in();
    let [key] = find(host.session, CKO_PRIVATE_KEY)[..] else { panic!("one key") };
    let [public] = find(host.session, CKO_PUBLIC_KEY)[..] else { panic!("one key") };
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), [key]);
    assert_eq!(host.daemon.asked(), ["find", "find"], "the same search again is local");
    assert_eq!(sign_init(host.session, CKM_RSA_PKCS, key), CKR_KEY_TYPE_INCONSISTENT);
    assert_eq!(sign_init(host.session, CKM_SHA256, key), CKR_MECHANISM_INVALID);
    assert_eq!(sign_init(host.session, CKM_ECDSA, 999), CKR_KEY_HANDLE_INVALID);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OPERATION_ACTIVE);
    assert_eq!(sign(host.session, &[1; 32], 0), Err((CKR_OK, 64)));
    assert_eq!(sign(host.session, &[1; 32], 63), Err((CKR_BUFFER_TOO_SMALL, 64)));
    assert_eq!(host.daemon.asked(), [""; 0]);
    let signature = sign(host.session, &[1; 32], 100).unwrap();
    assert_eq!(host.daemon.asked(), ["sign"]);
    assert_eq!(sign(host.session, &[1; 32], 64), Err((CKR_OPERATION_NOT_INITIALIZED, 64)));
    let mut mechanism = CK_MECHANISM { mechanism: CKM_ECDSA, ..Default::default() };
    let mut verify = |data: &[u8]| unsafe {
        assert_eq!(C_VerifyInit(host.session, &mut mechanism, public), CKR_OK);
        C_Verify(host.session, data.as_ptr().cast_mut(), 32, signature.as_ptr().cast_mut(), 64)
    };
    assert_eq!(verify(&[1; 32]), CKR_OK);
    assert_eq!(verify(&[2; 32]), CKR_SIGNATURE_INVALID);
    let mut given_first = |data: &[u8]| unsafe {
        let signature = signature.as_ptr().cast_mut();
        assert_eq!(C_VerifySignatureInit(host.session, &mut mechanism, public, signature, 64), CKR_OK);
        C_VerifySignature(host.session, data.as_ptr().cast_mut(), 32)
    };
    assert_eq!(given_first(&[1; 32]), CKR_OK);
    assert_eq!(given_first(&[2; 32]), CKR_SIGNATURE_INVALID);
    assert_eq!(unsafe { C_VerifySignatureFinal(host.session) }, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(sign_init(host.session, CKM_ECDSA, public), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

#[test]
fn parts_are_hashed_here() {
    let host = Host::logged_in();
    let key = find(host.session, CKO_PRIVATE_KEY)[0];
    host.daemon.asked();
    let update = |data: &[u8]| unsafe { C_SignUpdate(host.session, data.as_ptr().cast_mut(), data.len() as u64) };
    assert_eq!(sign_init(host.session, CKM_ECDSA_SHA256, key), CKR_OK);
    let whole = sign(host.session, b"message", 64).unwrap();
    assert_eq!(sign_init(host.session, CKM_ECDSA_SHA256, key), CKR_OK);
    assert_eq!((update(b"mess"), update(b""), update(b"age")), (CKR_OK, CKR_OK, CKR_OK));
    let (mut parts, mut len) = ([0; 64], 10);
    assert_eq!(unsafe { C_SignFinal(host.session, parts.as_mut_ptr(), &mut len) }, CKR_BUFFER_TOO_SMALL);
    assert_eq!(unsafe { C_SignFinal(host.session, parts.as_mut_ptr(), &mut len) }, CKR_OK);
    assert_eq!(whole, parts);
    assert_eq!(host.daemon.asked(), ["sign", "sign"]);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
    assert_eq!(update(b"x"), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
    assert_eq!(unsafe { C_SignInit(host.session, ptr::null_mut(), 0) }, CKR_OK, "NULL cancels");
    assert_eq!(unsafe { C_SignInit(host.session, ptr::null_mut(), 0) }, CKR_ARGUMENTS_BAD);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
    assert_eq!(unsafe { C_SessionCancel(host.session, CKF_SIGN) }, CKR_OK);
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
}

#[test]
fn changes_elsewhere_show() {
    let host = Host::logged_in();
    let key = find(host.session, CKO_PRIVATE_KEY)[0];
    find(host.session, CKO_PUBLIC_KEY);
    assert_eq!(label(host.session, key), Ok(b"web".to_vec()));
    assert_eq!(host.daemon.asked(), ["find", "find"]);
    host.daemon.change(|world| world.label = "mail");
    thread::sleep(Duration::from_millis(200));
    assert_eq!(label(host.session, key), Ok(b"mail".to_vec()));
    assert_eq!(label(host.session, key), Ok(b"mail".to_vec()));
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), [key]);
    assert_eq!(host.daemon.asked(), ["get", "find"]);
    host.daemon.change(|world| world.pair_exists = false);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(label(host.session, key), Err(CKR_OBJECT_HANDLE_INVALID));
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), []);
}

#[test]
fn creations_and_destruction() {
    let host = Host::logged_in();
    let mut mechanism = CK_MECHANISM { mechanism: CKM_EC_KEY_PAIR_GEN, ..Default::default() };
    let (mut public, mut private) = (0, 0);
    let mut generate = |public: *mut u64, private: *mut u64| unsafe {
        let none = ptr::null_mut;
        C_GenerateKeyPair(host.session, &mut mechanism, none(), 0, none(), 0, public, private)
    };
    assert_eq!(generate(ptr::null_mut(), &mut private), CKR_ARGUMENTS_BAD);
    assert_eq!(generate(&mut public, &mut private), CKR_OK);
    assert_eq!(label(host.session, private), Ok(b"web".to_vec()));
    assert_eq!(host.daemon.asked(), ["generate"]);
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), [private], "one object, one handle");
    assert_eq!(unsafe { C_DestroyObject(host.session, private) }, CKR_OK);
    assert_eq!(unsafe { C_DestroyObject(host.session, private) }, CKR_OBJECT_HANDLE_INVALID);
    assert_eq!(find(host.session, CKO_PRIVATE_KEY), []);
    assert_eq!(host.daemon.asked(), ["find", "destroy", "find"]);
}

#[test]
fn a_dead_login_can_be_replaced() {
    let host = Host::logged_in();
    host.daemon.world.lock().unwrap().pin_changed = true;
    let mut template = CK_ATTRIBUTE::default();
    assert_eq!(unsafe { C_FindObjectsInit(host.session, &mut template, 0) }, CKR_PIN_EXPIRED);
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(find(host.session, CKO_PRIVATE_KEY).len(), 1);
}

#[test]
fn digests_and_random() {
    let host = Host::start();
    let mut mechanism = CK_MECHANISM { mechanism: CKM_SHA256, ..Default::default() };
    let (mut out, mut len) = ([0u8; 32], 32);
    assert_eq!(unsafe { C_DigestInit(host.session, &mut mechanism) }, CKR_OK);
    assert_eq!(unsafe { C_Digest(host.session, ptr::null_mut(), 0, ptr::null_mut(), &mut len) }, CKR_OK);
    assert_eq!(unsafe { C_Digest(host.session, ptr::null_mut(), 0, out.as_mut_ptr(), &mut len) }, CKR_OK);
    assert_eq!(out[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    assert_eq!(unsafe { C_GenerateRandom(host.session, out.as_mut_ptr(), 32) }, CKR_OK);
    assert_ne!(out[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    assert_eq!(unsafe { C_GenerateRandom(999, out.as_mut_ptr(), 32) }, CKR_SESSION_HANDLE_INVALID);
    assert_eq!(unsafe { C_AsyncGetID(host.session, out.as_mut_ptr(), &mut len) }, CKR_FUNCTION_NOT_SUPPORTED);
    assert_eq!(unsafe { C_GetFunctionStatus(host.session) }, CKR_FUNCTION_NOT_PARALLEL);
}

#[test]
fn a_daemon_that_is_gone() {
    let turn = turn();
    let daemon = Daemon::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "timeout-ms = 300\n").unwrap();
    // SAFETY: nobody else reads the environment in this turn.
    unsafe { std::env::set_var("SOFTKEEP_PKCS11_CONF", file.path()) };
    assert_eq!(initialise(&daemon), CKR_OK);
    unsafe { std::env::remove_var("SOFTKEEP_PKCS11_CONF") };
    let session = open(CKF_RW_SESSION).unwrap();
    assert_eq!(login(session, CKU_USER, "1234"), CKR_OK);
    let key = find(session, CKO_PRIVATE_KEY)[0];
    drop(daemon);
    assert_eq!(sign_init(session, CKM_ECDSA, key), CKR_OK);
    assert_eq!(sign(session, &[1; 32], 64), Err((CKR_DEVICE_ERROR, 64)));
    let mut info = CK_TOKEN_INFO::default();
    assert_eq!(unsafe { C_GetTokenInfo(SLOT, &mut info) }, CKR_OK, "what is known stays good");
    assert_eq!(unsafe { C_Finalize(ptr::null_mut()) }, CKR_OK);
    drop(turn);
}
