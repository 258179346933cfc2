//! Calls every function that gives something out with NULL, with too little room and with what it needs, and compares CK_RV, length and
//! the bytes around the buffer. A difference panics. The session must still sign at the end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ptr;

use softkeep_tests::{
    PIN,
    raw::{Kind, Module, Signer, attribute, ck, mechanism, must, name},
    raw_call,
};

/// Around each buffer; must stay.
const GUARD: u8 = 0xa5;
const DATA: &[u8] = b"some data";

#[derive(Clone, Copy)]
struct Bad {
    module: Module,
    slot: u64,
    session: u64,
    rsa: Signer,
    ec: Signer,
}

/// Compares a call's CK_RV.
macro_rules! expect {
    ($bad:expr, $function:ident($($arg:expr),* $(,)?), $rv:ident) => {
        assert_eq!(name(raw_call!($bad.module, $function($($arg),*))), stringify!($rv), stringify!($function($($arg),*)))
    };
}

fn main() {
    let module = Module::load();
    let mut nothing = ck::CK_INFO::default();
    assert_eq!(name(raw_call!(module, C_GetInfo(&mut nothing))), "CKR_CRYPTOKI_NOT_INITIALIZED");
    assert_eq!(
        name(raw_call!(module, C_GetInfo(ptr::null_mut()))),
        "CKR_CRYPTOKI_NOT_INITIALIZED",
        "before any argument"
    );
    assert_eq!(name(module.initialize()), "CKR_OK");
    let slot = must("slot", module.slot());
    let session = must("open", module.open(slot));
    assert_eq!(name(module.login(session, ck::CKU_USER, PIN)), "CKR_OK");
    let find = |kind, label| must("find", Signer::find(module, slot, session, kind, label));
    let bad = Bad { module, slot, session, rsa: find(Kind::Rsa, "rsa"), ec: find(Kind::Ec, "ec") };
    bad.structures();
    bad.lists();
    bad.handles();
    bad.attributes();
    bad.mechanisms();
    bad.inputs();
    bad.buffers();
    bad.wrong_session();
    must("rsa still signs", bad.rsa.sign_and_verify(DATA));
    must("ec still signs", bad.ec.sign_and_verify(DATA));
    println!("ok");
}

impl Bad {
    fn structures(self) {
        let Self { slot, session, .. } = self;
        expect!(self, C_GetInfo(ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetFunctionList(ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetInterface(ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetSlotInfo(slot, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetTokenInfo(slot, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetMechanismInfo(slot, ck::CKM_ECDSA, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetSessionInfo(session, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetSessionValidationFlags(session, 1, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetObjectSize(session, self.ec.public, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GenerateRandom(session, ptr::null_mut(), 8), CKR_ARGUMENTS_BAD);
        expect!(self, C_GenerateRandom(session, ptr::null_mut(), 0), CKR_OK);
        expect!(self, C_GenerateRandom(session, ptr::null_mut(), u64::MAX), CKR_ARGUMENTS_BAD);
        let mut random = [GUARD; 66];
        expect!(self, C_GenerateRandom(session, random[1..].as_mut_ptr(), 64), CKR_OK);
        assert_eq!((random[0], random[65]), (GUARD, GUARD));
        assert_ne!(random[1..65], [GUARD; 64]);
    }

    fn lists(self) {
        let Self { slot, session, .. } = self;
        expect!(self, C_GetSlotList(ck::CK_TRUE, ptr::null_mut(), ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetMechanismList(slot, ptr::null_mut(), ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_GetInterfaceList(ptr::null_mut(), ptr::null_mut()), CKR_ARGUMENTS_BAD);
        let (mut slots, mut count) = ([u64::MAX; 4], 0);
        expect!(self, C_GetSlotList(ck::CK_TRUE, slots.as_mut_ptr(), &mut count), CKR_BUFFER_TOO_SMALL);
        // The vault, and the slot for a new one.
        assert_eq!((count, slots), (2, [u64::MAX; 4]), "the length, and nothing written");
        let (mut list, mut count) = ([u64::MAX; 256], 0);
        expect!(self, C_GetMechanismList(slot, ptr::null_mut(), &mut count), CKR_OK);
        let all = count;
        count = all - 1;
        expect!(self, C_GetMechanismList(slot, list.as_mut_ptr(), &mut count), CKR_BUFFER_TOO_SMALL);
        assert_eq!((count, list), (all, [u64::MAX; 256]), "the length, and nothing written");
        expect!(self, C_GetMechanismList(slot, list.as_mut_ptr(), &mut count), CKR_OK);
        assert!(list[..all as usize].iter().all(|each| *each != u64::MAX) && list[all as usize] == u64::MAX);
        let mut interfaces =
            [ck::CK_INTERFACE { pInterfaceName: ptr::null_mut(), pFunctionList: ptr::null_mut(), flags: 0 }; 3];
        let mut count = 2;
        expect!(self, C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count), CKR_BUFFER_TOO_SMALL);
        assert!(count == 3 && interfaces.iter().all(|each| each.pInterfaceName.is_null()));
        expect!(self, C_FindObjectsInit(session, ptr::null_mut(), 1), CKR_ARGUMENTS_BAD);
        expect!(self, C_FindObjectsInit(session, ptr::null_mut(), 0), CKR_OK);
        let mut handle = 0;
        expect!(self, C_FindObjects(session, ptr::null_mut(), 1, &mut count), CKR_ARGUMENTS_BAD);
        expect!(self, C_FindObjects(session, &mut handle, 1, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_FindObjects(session, ptr::null_mut(), 0, &mut count), CKR_OK);
        assert_eq!(count, 0, "no room, no object");
        expect!(self, C_FindObjects(session, &mut handle, 1, &mut count), CKR_OK);
        assert!(count == 1 && handle != 0, "the search goes on after the mistakes");
        expect!(self, C_FindObjectsFinal(session), CKR_OK);
        expect!(self, C_FindObjects(session, &mut handle, 1, &mut count), CKR_OPERATION_NOT_INITIALIZED);
    }

    fn handles(self) {
        let Self { slot, session, .. } = self;
        let (serial, null) = (ck::CKF_SERIAL_SESSION, ptr::null_mut());
        expect!(self, C_OpenSession(slot, serial, ptr::null_mut(), None, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_OpenSession(slot, 0, ptr::null_mut(), None, &mut 0), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
        expect!(self, C_OpenSession(slot + 99, serial, ptr::null_mut(), None, &mut 0), CKR_SLOT_ID_INVALID);
        expect!(self, C_CreateObject(session, ptr::null_mut(), 0, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        expect!(self, C_CreateObject(session, ptr::null_mut(), 3, &mut 0), CKR_ARGUMENTS_BAD);
        expect!(self, C_CreateObject(session, ptr::null_mut(), u64::MAX, &mut 0), CKR_ARGUMENTS_BAD);
        let objects = must("find", self.module.find(session, ck::CKO_PRIVATE_KEY, "")).len();
        let mut with = mechanism(ck::CKM_EC_KEY_PAIR_GEN);
        let mut pair = (0, 0);
        expect!(
            self,
            C_GenerateKeyPair(session, &mut with, null, 0, null, 0, ptr::null_mut(), &mut pair.1),
            CKR_ARGUMENTS_BAD
        );
        expect!(
            self,
            C_GenerateKeyPair(session, &mut with, null, 0, null, 0, &mut pair.0, ptr::null_mut()),
            CKR_ARGUMENTS_BAD
        );
        expect!(
            self,
            C_GenerateKeyPair(session, &mut with, null, 1, null, 0, &mut pair.0, &mut pair.1),
            CKR_ARGUMENTS_BAD
        );
        expect!(
            self,
            C_GenerateKeyPair(session, &mut with, null, 0, null, 1, &mut pair.0, &mut pair.1),
            CKR_ARGUMENTS_BAD
        );
        expect!(
            self,
            C_GenerateKeyPair(session, ptr::null_mut(), null, 0, null, 0, &mut pair.0, &mut pair.1),
            CKR_ARGUMENTS_BAD
        );
        expect!(
            self,
            C_GenerateKeyPair(session, &mut with, null, 0, null, 0, &mut pair.0, &mut pair.1),
            CKR_TEMPLATE_INCOMPLETE
        );
        assert_eq!(must("find", self.module.find(session, ck::CKO_PRIVATE_KEY, "")).len(), objects, "nothing was made");
        assert_eq!(pair, (0, 0));
    }

    fn attributes(self) {
        let (session, object) = (self.session, self.rsa.public);
        expect!(self, C_GetAttributeValue(session, object, ptr::null_mut(), 1), CKR_ARGUMENTS_BAD);
        expect!(self, C_SetAttributeValue(session, object, ptr::null_mut(), 1), CKR_ARGUMENTS_BAD);
        let mut wanted = attribute::<u8>(ck::CKA_MODULUS, &mut []);
        wanted.pValue = ptr::null_mut();
        expect!(self, C_GetAttributeValue(session, object, &mut wanted, 1), CKR_OK);
        assert_eq!(wanted.ulValueLen, 256, "a length query");
        let mut value = [GUARD; 258];
        for short in [0, 1, 255] {
            let mut wanted = attribute(ck::CKA_MODULUS, &mut value[1..=short]);
            expect!(self, C_GetAttributeValue(session, object, &mut wanted, 1), CKR_BUFFER_TOO_SMALL);
            assert_eq!((wanted.ulValueLen, value), (ck::CK_UNAVAILABLE_INFORMATION, [GUARD; 258]), "room for {short}");
        }
        // One short buffer spoils neither the one before nor the one after it.
        let (mut class, mut kind) = ([0u64], [u64::MAX]);
        let mut three = [
            attribute(ck::CKA_CLASS, &mut class),
            attribute(ck::CKA_MODULUS, &mut value[1..11]),
            attribute(ck::CKA_KEY_TYPE, &mut kind),
        ];
        expect!(self, C_GetAttributeValue(session, object, three.as_mut_ptr(), 3), CKR_BUFFER_TOO_SMALL);
        assert_eq!((class, kind), ([ck::CKO_PUBLIC_KEY], [ck::CKK_RSA]));
        let mut wanted = attribute(ck::CKA_MODULUS, &mut value[1..257]);
        expect!(self, C_GetAttributeValue(session, object, &mut wanted, 1), CKR_OK);
        assert_eq!((wanted.ulValueLen, value[0], value[257]), (256, GUARD, GUARD));
        let mut secret = attribute(ck::CKA_PRIVATE_EXPONENT, &mut value);
        expect!(self, C_GetAttributeValue(session, self.rsa.private, &mut secret, 1), CKR_ATTRIBUTE_SENSITIVE);
        assert_eq!(secret.ulValueLen, ck::CK_UNAVAILABLE_INFORMATION);
        let mut label = attribute::<u8>(ck::CKA_LABEL, &mut []);
        (label.pValue, label.ulValueLen) = (ptr::null_mut(), 5);
        let rv = raw_call!(self.module, C_SetAttributeValue(session, object, &mut label, 1));
        assert_eq!(rv, ck::CKR_ATTRIBUTE_VALUE_INVALID, "NULL with a length");
    }

    fn mechanisms(self) {
        let (session, null, key) = (self.session, ptr::null_mut(), self.rsa);
        expect!(self, C_SignInit(session, null, key.private), CKR_ARGUMENTS_BAD);
        expect!(self, C_VerifyInit(session, null, key.public), CKR_ARGUMENTS_BAD);
        // The standard's list for this one has no ARGUMENTS_BAD.
        expect!(self, C_EncryptInit(session, null, key.public), CKR_MECHANISM_INVALID);
        expect!(self, C_DecryptInit(session, null, key.private), CKR_ARGUMENTS_BAD);
        expect!(self, C_DigestInit(session, null), CKR_ARGUMENTS_BAD);
        must("begin", self.module.sign_init(session, ck::CKM_SHA256_RSA_PKCS, key.private));
        expect!(self, C_SignInit(session, null, key.private), CKR_OK);
        assert_eq!(self.module.sign_now(session, DATA), Err(ck::CKR_OPERATION_NOT_INITIALIZED), "NULL ended it");
        expect!(
            self,
            C_SignInit(session, &mut mechanism(ck::CKM_RSA_PKCS_PSS), key.private),
            CKR_MECHANISM_PARAM_INVALID
        );
        let mut short = [0u8; 7];
        let mut pss = mechanism(ck::CKM_RSA_PKCS_PSS);
        (pss.pParameter, pss.ulParameterLen) = (short.as_mut_ptr().cast(), 7);
        expect!(self, C_SignInit(session, &mut pss, key.private), CKR_MECHANISM_PARAM_INVALID);
        expect!(self, C_SignInit(session, &mut mechanism(0x7fff_ffff), key.private), CKR_MECHANISM_INVALID);
        expect!(self, C_SignInit(session, &mut mechanism(ck::CKM_ECDSA), key.private), CKR_KEY_TYPE_INCONSISTENT);
        expect!(self, C_SignInit(session, &mut mechanism(ck::CKM_ECDSA), 0), CKR_KEY_HANDLE_INVALID);
    }

    fn inputs(self) {
        let (session, null) = (self.session, ptr::null_mut());
        let (mut out, mut len) = ([0; 512], 512);
        must("begin", self.module.sign_init(session, ck::CKM_SHA256_RSA_PKCS, self.rsa.private));
        expect!(self, C_Sign(session, null, 5, out.as_mut_ptr(), &mut len), CKR_ARGUMENTS_BAD);
        let mut verify = mechanism(ck::CKM_SHA256_RSA_PKCS);
        expect!(self, C_VerifyInit(session, &mut verify, self.rsa.public), CKR_OK);
        expect!(self, C_Verify(session, null, 5, out.as_mut_ptr(), 256), CKR_ARGUMENTS_BAD);
        expect!(self, C_VerifyInit(session, &mut verify, self.rsa.public), CKR_OK);
        expect!(self, C_Verify(session, out.as_mut_ptr(), 5, null, 256), CKR_ARGUMENTS_BAD);
        expect!(self, C_VerifyInit(session, &mut verify, self.rsa.public), CKR_OK);
        expect!(self, C_Verify(session, out.as_mut_ptr(), 5, out.as_mut_ptr(), 255), CKR_SIGNATURE_LEN_RANGE);
        expect!(self, C_VerifyInit(session, &mut verify, self.rsa.public), CKR_OK);
        expect!(self, C_Verify(session, out.as_mut_ptr(), 5, out.as_mut_ptr(), 256), CKR_SIGNATURE_INVALID);
        expect!(self, C_DigestInit(session, &mut mechanism(ck::CKM_SHA256)), CKR_OK);
        expect!(self, C_Digest(session, null, 5, out.as_mut_ptr(), &mut len), CKR_ARGUMENTS_BAD);
        expect!(self, C_DigestInit(session, &mut mechanism(ck::CKM_SHA256)), CKR_OK);
        expect!(self, C_DigestUpdate(session, out.as_mut_ptr(), u64::MAX), CKR_ARGUMENTS_BAD);
        expect!(self, C_SeedRandom(session, null, 5), CKR_ARGUMENTS_BAD);
        expect!(self, C_SetPIN(session, null, 4, out.as_mut_ptr(), 4), CKR_ARGUMENTS_BAD);
        expect!(self, C_Finalize(out.as_mut_ptr().cast()), CKR_ARGUMENTS_BAD);
        // 2048 bits are 256 bytes, of which PKCS#1 v1.5 needs 11.
        let sign =
            |len| self.module.sign(session, ck::CKM_RSA_PKCS, self.rsa.private, &vec![1; len]).map(|made| made.len());
        assert_eq!(sign(245), Ok(256));
        assert_eq!(sign(246), Err(ck::CKR_DATA_LEN_RANGE));
        assert_eq!(sign(1_000_000), Err(ck::CKR_DATA_LEN_RANGE));
        assert_eq!(self.module.sign_now(session, DATA), Err(ck::CKR_OPERATION_NOT_INITIALIZED), "the failure ended it");
    }

    /// Every function that gives bytes out, through NULL, too little and enough room.
    fn buffers(self) {
        let (session, module, data) = (self.session, self.module, DATA.as_ptr().cast_mut());
        let data_len = DATA.len() as u64;
        let sign = |with, key| move || must("begin", module.sign_init(session, with, key));
        let digest =
            || assert_eq!(raw_call!(module, C_DigestInit(session, &mut mechanism(ck::CKM_SHA256))), ck::CKR_OK);
        let once = |begin: &dyn Fn(), exact, call: &dyn Fn(*mut u8, *mut u64) -> u64| cycle(begin, exact, exact, call);
        let c_sign = |out, len| raw_call!(module, C_Sign(session, data, data_len, out, len));
        once(&sign(ck::CKM_SHA256_RSA_PKCS, self.rsa.private), 256, &c_sign);
        once(&sign(ck::CKM_ECDSA_SHA256, self.ec.private), 64, &c_sign);
        let update = |begin: &dyn Fn()| {
            begin();
            assert_eq!(raw_call!(module, C_SignUpdate(session, data, data_len)), ck::CKR_OK);
        };
        let c_sign_final = |out, len| raw_call!(module, C_SignFinal(session, out, len));
        once(&|| update(&sign(ck::CKM_SHA256_RSA_PKCS, self.rsa.private)), 256, &c_sign_final);
        once(&|| update(&sign(ck::CKM_ECDSA_SHA256, self.ec.private)), 64, &c_sign_final);
        once(&digest, 32, &|out, len| raw_call!(module, C_Digest(session, data, data_len, out, len)));
        let part = || {
            digest();
            assert_eq!(raw_call!(module, C_DigestUpdate(session, data, data_len)), ck::CKR_OK);
        };
        once(&part, 32, &|out, len| raw_call!(module, C_DigestFinal(session, out, len)));

        let mut oaep = ck::CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: ck::CKM_SHA256,
            mgf: ck::CKG_MGF1_SHA256,
            source: ck::CKZ_DATA_SPECIFIED,
            pSourceData: ptr::null_mut(),
            ulSourceDataLen: 0,
        };
        let with = ck::CK_MECHANISM {
            mechanism: ck::CKM_RSA_PKCS_OAEP,
            pParameter: (&raw mut oaep).cast(),
            ulParameterLen: size_of_val(&oaep) as u64,
        };
        let encrypt =
            || assert_eq!(raw_call!(module, C_EncryptInit(session, &mut { with }, self.rsa.public)), ck::CKR_OK);
        let decrypt =
            || assert_eq!(raw_call!(module, C_DecryptInit(session, &mut { with }, self.rsa.private)), ck::CKR_OK);
        once(&encrypt, 256, &|out, len| raw_call!(module, C_Encrypt(session, data, data_len, out, len)));
        let mut sealed = [0; 256];
        encrypt();
        expect!(self, C_Encrypt(session, data, data_len, sealed.as_mut_ptr(), &mut 256), CKR_OK);
        let sealed = sealed.as_ptr().cast_mut();
        // A query is answered with the longest plaintext there could be; how long it is shows when it is there.
        let most = 256 - 2 * 32 - 2;
        cycle(&decrypt, most, DATA.len(), &|out, len| raw_call!(module, C_Decrypt(session, sealed, 256, out, len)));
    }

    fn wrong_session(self) {
        let (mut out, mut len, mut with) = ([0; 64], 64, mechanism(ck::CKM_ECDSA));
        for session in [0, self.session + 1000, u64::MAX] {
            expect!(self, C_GetSessionInfo(session, &mut ck::CK_SESSION_INFO::default()), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_SignInit(session, &mut with, self.ec.private), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_Sign(session, out.as_mut_ptr(), 1, out.as_mut_ptr(), &mut len), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_FindObjectsInit(session, ptr::null_mut(), 0), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_Login(session, ck::CKU_USER, out.as_mut_ptr(), 4), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_GenerateRandom(session, out.as_mut_ptr(), 4), CKR_SESSION_HANDLE_INVALID);
            expect!(self, C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
        }
    }
}

/// One output: `most` is what a length query says, `exact` what there is.
fn cycle(begin: &dyn Fn(), most: usize, exact: usize, call: &dyn Fn(*mut u8, *mut u64) -> u64) {
    let at = format!("{exact} bytes of output");
    let mut buffer = [GUARD; 300];
    begin();
    assert_eq!(name(call(buffer[1..].as_mut_ptr(), ptr::null_mut())), "CKR_ARGUMENTS_BAD", "NULL length, {at}");
    let mut len = exact as u64;
    assert_eq!(
        name(call(buffer[1..].as_mut_ptr(), &mut len)),
        "CKR_OPERATION_NOT_INITIALIZED",
        "a mistake ends it, {at}"
    );
    begin();
    for garbage in [0, 1, u64::MAX] {
        let mut len = garbage;
        assert_eq!(name(call(ptr::null_mut(), &mut len)), "CKR_OK", "a length query, {at}");
        assert_eq!(len, most as u64);
    }
    for short in [0, 1, exact - 1] {
        let mut len = short as u64;
        assert_eq!(name(call(buffer[1..].as_mut_ptr(), &mut len)), "CKR_BUFFER_TOO_SMALL", "room for {short}, {at}");
        assert_eq!((len, buffer), (exact as u64, [GUARD; 300]), "the length, and nothing written");
    }
    assert_eq!(name(call(buffer[1..].as_mut_ptr(), &mut len)), "CKR_OK", "enough, {at}");
    assert_eq!(len, exact as u64);
    assert!(buffer[0] == GUARD && buffer[exact + 1..].iter().all(|byte| *byte == GUARD), "only the buffer is written");
    assert!(buffer[1..=exact].iter().any(|byte| *byte != GUARD));
    let after = call(buffer[1..].as_mut_ptr(), &mut len);
    assert_eq!(name(after), "CKR_OPERATION_NOT_INITIALIZED", "it has ended, {at}");
}
