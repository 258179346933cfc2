//! TABLE: every function of PKCS#11 3.2 and what answers it. From these rows come the exported symbols and the three
//! function lists, so that none can have a hole. Nothing is done here.
//!
//! `initialised` rows fail before C_Initialize; `anytime` rows do not. What is `unsupported` says
//! FUNCTION_NOT_SUPPORTED.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::{
    AttributesOut, InBuf, InitArgs, MechanismArg, OutArray, OutBuf, OutFill, OutList, OutValue, Template, anytime,
    initialised, interfaces, unsupported,
};
use crate::calls::{decrypt, digest, encrypt, find, general, key, login, object, random, session, sign, slot, verify};

macro_rules! function {
    ($mode:ident $name:ident ($($arg:ident: $type:ty),*) $body:expr) => {
        #[doc = concat!("`", stringify!($name), "` (PKCS#11 3.2 section 5).")]
        ///
        /// # Safety
        /// As PKCS#11 asks: each pointer is NULL or valid for the length beside it, until the call returns.
        #[unsafe(no_mangle)]
        #[allow(non_snake_case, unused_unsafe)]
        pub unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
            // SAFETY: the views are made from this call's arguments as they came, and end with it.
            $mode(stringify!($name), unsafe { $body })
        }
    };
}

/// A version's table: its own functions after those of the versions before.
macro_rules! list {
    ($list:ident: $type:ident $major:literal.$minor:literal [$($name:ident)*]) => {
        #[doc = concat!("The functions of PKCS#11 ", $major, ".", $minor, ".")]
        pub static $list: $type =
            $type { version: CK_VERSION { major: $major, minor: $minor }, $($name: Some($name),)* };
    };
}

macro_rules! entry_points {
    (
        2.40 { $($m2:ident $n2:ident($($a2:ident: $t2:ty),*) => $b2:expr;)* }
        3.0 { $($m30:ident $n30:ident($($a30:ident: $t30:ty),*) => $b30:expr;)* }
        3.2 { $($m32:ident $n32:ident($($a32:ident: $t32:ty),*) => $b32:expr;)* }
    ) => {
        $(function!($m2 $n2 ($($a2: $t2),*) $b2);)*
        $(function!($m30 $n30 ($($a30: $t30),*) $b30);)*
        $(function!($m32 $n32 ($($a32: $t32),*) $b32);)*
        list!(FUNCTIONS_2_40: CK_FUNCTION_LIST 2 . 40 [$($n2)*]);
        list!(FUNCTIONS_3_0: CK_FUNCTION_LIST_3_0 3 . 0 [$($n2)* $($n30)*]);
        list!(FUNCTIONS_3_2: CK_FUNCTION_LIST_3_2 3 . 2 [$($n2)* $($n30)* $($n32)*]);

        /// Every name, for the tests.
        #[cfg(test)]
        pub const NAMES: &[&str] = &[$(stringify!($n2),)* $(stringify!($n30),)* $(stringify!($n32),)*];
    };
}

entry_points! {
    2.40 {
        anytime C_Initialize(args: *mut c_void) => |module| general::initialize(module, InitArgs::new(args));
        initialised C_Finalize(reserved: *mut c_void) => |module| general::finalize(module, reserved.is_null());
        initialised C_GetInfo(info: *mut CK_INFO) => |_| general::info(OutValue::new(info));
        anytime C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) =>
            |_| interfaces::function_list(OutValue::new(list));
        initialised C_GetSlotList(_token_present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG) =>
            |module| slot::list(module, OutList::new(slots, count));
        initialised C_GetSlotInfo(slot_id: CK_SLOT_ID, info: *mut CK_SLOT_INFO) =>
            |module| slot::slot_info(module, slot_id, OutValue::new(info));
        initialised C_GetTokenInfo(slot_id: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) =>
            |module| slot::token_info(module, slot_id, OutValue::new(info));
        initialised C_GetMechanismList(slot_id: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG) =>
            |module| slot::mechanisms(module, slot_id, OutList::new(mechanisms, count));
        initialised C_GetMechanismInfo(
            slot_id: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO
        ) => |module| slot::mechanism_info(module, slot_id, mechanism, OutValue::new(info));
        initialised C_InitToken(
            _slot_id: CK_SLOT_ID, _text: *mut CK_UTF8CHAR, _len: CK_ULONG, _text_2: *mut CK_UTF8CHAR
        ) => unsupported;
        initialised C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG) =>
            |module| login::init_pin(module, session, InBuf::new(pin, pin_len));
        initialised C_SetPIN(
            session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR,
            new_len: CK_ULONG
        ) => |module| login::set_pin(module, session, InBuf::new(old, old_len), InBuf::new(new, new_len));
        initialised C_OpenSession(
            slot_id: CK_SLOT_ID, flags: CK_FLAGS, _application: *mut c_void, _notify: CK_NOTIFY,
            session: *mut CK_SESSION_HANDLE
        ) => |module| session::open(module, slot_id, flags, OutValue::new(session));
        initialised C_CloseSession(session: CK_SESSION_HANDLE) => |module| session::close(module, session);
        initialised C_CloseAllSessions(slot_id: CK_SLOT_ID) => |module| session::close_all(module, slot_id);
        initialised C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) =>
            |module| session::info(module, session, OutValue::new(info));
        initialised C_GetOperationState(_session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len_out: *mut CK_ULONG) =>
            unsupported;
        initialised C_SetOperationState(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _key: CK_OBJECT_HANDLE,
            _key_2: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_Login(
            session: CK_SESSION_HANDLE, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG
        ) => |module| login::login(module, session, user_type, InBuf::new(pin, pin_len));
        initialised C_Logout(session: CK_SESSION_HANDLE) => |module| login::logout(module, session);
        initialised C_CreateObject(
            session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE
        ) => |module| object::create(module, session, Template::new(template, count), OutValue::new(object));
        initialised C_CopyObject(
            _session: CK_SESSION_HANDLE, _key: CK_OBJECT_HANDLE, _template: *mut CK_ATTRIBUTE, _len: CK_ULONG,
            _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) =>
            |module| object::destroy(module, session, object);
        initialised C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG) =>
            |module| object::size(module, session, object, OutValue::new(size));
        initialised C_GetAttributeValue(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG
        ) => |module| object::attributes(module, session, object, AttributesOut::new(template, count));
        initialised C_SetAttributeValue(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG
        ) => |module| object::set(module, session, object, Template::new(template, count));
        initialised C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG) =>
            |module| find::init(module, session, Template::new(template, count));
        initialised C_FindObjects(
            session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, capacity: CK_ULONG, count: *mut CK_ULONG
        ) => |module| find::next(module, session, OutArray::new(objects, capacity, count));
        initialised C_FindObjectsFinal(session: CK_SESSION_HANDLE) => |module| find::end(module, session);
        initialised C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =>
            |module| encrypt::init(module, session, MechanismArg::new(mechanism), key);
        initialised C_Encrypt(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| encrypt::encrypt(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_EncryptUpdate(
            session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _data_len: CK_ULONG, _out: *mut CK_BYTE,
            _out_len: *mut CK_ULONG
        ) => |module| encrypt::multi_part(module, session);
        initialised C_EncryptFinal(session: CK_SESSION_HANDLE, _out: *mut CK_BYTE, _out_len: *mut CK_ULONG) =>
            |module| encrypt::multi_part(module, session);
        initialised C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =>
            |module| decrypt::init(module, session, MechanismArg::new(mechanism), key);
        initialised C_Decrypt(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| decrypt::decrypt(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DecryptUpdate(
            session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _data_len: CK_ULONG, _out: *mut CK_BYTE,
            _out_len: *mut CK_ULONG
        ) => |module| decrypt::multi_part(module, session);
        initialised C_DecryptFinal(session: CK_SESSION_HANDLE, _out: *mut CK_BYTE, _out_len: *mut CK_ULONG) =>
            |module| decrypt::multi_part(module, session);
        initialised C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) =>
            |module| digest::init(module, session, MechanismArg::new(mechanism));
        initialised C_Digest(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| digest::digest(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DigestUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| digest::update(module, session, InBuf::new(data, data_len));
        initialised C_DigestKey(_session: CK_SESSION_HANDLE, _key: CK_OBJECT_HANDLE) => unsupported;
        initialised C_DigestFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) =>
            |module| digest::finish(module, session, OutBuf::new(out, out_len));
        initialised C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =>
            |module| sign::init(module, session, MechanismArg::new(mechanism), key);
        initialised C_Sign(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| sign::sign(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_SignUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| sign::update(module, session, InBuf::new(data, data_len));
        initialised C_SignFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) =>
            |module| sign::finish(module, session, OutBuf::new(out, out_len));
        initialised C_SignRecoverInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_SignRecover(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =>
            |module| verify::init(module, session, MechanismArg::new(mechanism), key);
        initialised C_Verify(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
            signature_len: CK_ULONG
        ) => |module| verify::verify(module, session, InBuf::new(data, data_len), InBuf::new(signature, signature_len));
        initialised C_VerifyUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| verify::update(module, session, InBuf::new(data, data_len));
        initialised C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG) =>
            |module| verify::finish(module, session, InBuf::new(signature, signature_len));
        initialised C_VerifyRecoverInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_VerifyRecover(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_DigestEncryptUpdate(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_DecryptDigestUpdate(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_SignEncryptUpdate(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_DecryptVerifyUpdate(
            _session: CK_SESSION_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_GenerateKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _template: *mut CK_ATTRIBUTE, _len: CK_ULONG,
            _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_GenerateKeyPair(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public_template: *mut CK_ATTRIBUTE,
            public_count: CK_ULONG, private_template: *mut CK_ATTRIBUTE, private_count: CK_ULONG,
            public: *mut CK_OBJECT_HANDLE, private: *mut CK_OBJECT_HANDLE
        ) => |module| key::generate_pair(
                module,
                session,
                MechanismArg::new(mechanism),
                (Template::new(public_template, public_count), Template::new(private_template, private_count)),
                (OutValue::new(public), OutValue::new(private)),
            );
        initialised C_WrapKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE,
            _key_2: CK_OBJECT_HANDLE, _data: *mut CK_BYTE, _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_UnwrapKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE, _data: *mut CK_BYTE,
            _len: CK_ULONG, _template: *mut CK_ATTRIBUTE, _len_2: CK_ULONG, _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_DeriveKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE,
            _template: *mut CK_ATTRIBUTE, _len: CK_ULONG, _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_len: CK_ULONG) =>
            |module| random::seed(module, session, InBuf::new(seed, seed_len));
        initialised C_GenerateRandom(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| random::generate(module, session, OutFill::new(data, data_len));
        initialised C_GetFunctionStatus(_session: CK_SESSION_HANDLE) => |_| general::not_parallel();
        initialised C_CancelFunction(_session: CK_SESSION_HANDLE) => |_| general::not_parallel();
        initialised C_WaitForSlotEvent(flags: CK_FLAGS, _slot_id: *mut CK_SLOT_ID, _reserved: *mut c_void) =>
            |module| slot::wait(module, flags);
    }
    3.0 {
        anytime C_GetInterfaceList(interfaces: *mut CK_INTERFACE, count: *mut CK_ULONG) =>
            |_| interfaces::list(OutList::new(interfaces, count));
        anytime C_GetInterface(
            name: *mut CK_UTF8CHAR, version: *mut CK_VERSION, interface: *mut *mut CK_INTERFACE, flags: CK_FLAGS
        ) => |_| interfaces::get(name, version, OutValue::new(interface), flags);
        initialised C_LoginUser(
            session: CK_SESSION_HANDLE, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
            name: *mut CK_UTF8CHAR, name_len: CK_ULONG
        ) => |module| login::login_user(
                module,
                session,
                user_type,
                InBuf::new(pin, pin_len),
                InBuf::new(name, name_len),
            );
        initialised C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) =>
            |module| session::cancel(module, session, flags);
        initialised C_MessageEncryptInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_EncryptMessage(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_3: CK_ULONG, _data_3: *mut CK_BYTE, _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_EncryptMessageBegin(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG
        ) => unsupported;
        initialised C_EncryptMessageNext(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_out: *mut CK_ULONG, _flags: CK_FLAGS
        ) => unsupported;
        initialised C_MessageEncryptFinal(_session: CK_SESSION_HANDLE) => unsupported;
        initialised C_MessageDecryptInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_DecryptMessage(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_3: CK_ULONG, _data_3: *mut CK_BYTE, _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_DecryptMessageBegin(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG
        ) => unsupported;
        initialised C_DecryptMessageNext(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_out: *mut CK_ULONG, _flags: CK_FLAGS
        ) => unsupported;
        initialised C_MessageDecryptFinal(_session: CK_SESSION_HANDLE) => unsupported;
        initialised C_MessageSignInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_SignMessage(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_SignMessageBegin(_session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG) =>
            unsupported;
        initialised C_SignMessageNext(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_MessageSignFinal(_session: CK_SESSION_HANDLE) => unsupported;
        initialised C_MessageVerifyInit(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_VerifyMessage(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_3: CK_ULONG
        ) => unsupported;
        initialised C_VerifyMessageBegin(_session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG) =>
            unsupported;
        initialised C_VerifyMessageNext(
            _session: CK_SESSION_HANDLE, _parameter: *mut c_void, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_3: CK_ULONG
        ) => unsupported;
        initialised C_MessageVerifyFinal(_session: CK_SESSION_HANDLE) => unsupported;
    }
    3.2 {
        initialised C_EncapsulateKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE,
            _template: *mut CK_ATTRIBUTE, _len: CK_ULONG, _data: *mut CK_BYTE, _len_out: *mut CK_ULONG,
            _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_DecapsulateKey(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE,
            _template: *mut CK_ATTRIBUTE, _len: CK_ULONG, _data: *mut CK_BYTE, _len_2: CK_ULONG,
            _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
        initialised C_VerifySignatureInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE, signature: *mut CK_BYTE,
            signature_len: CK_ULONG
        ) => |module| verify::init_signature(
                module,
                session,
                MechanismArg::new(mechanism),
                key,
                InBuf::new(signature, signature_len),
            );
        initialised C_VerifySignature(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| verify::verify_signature(module, session, InBuf::new(data, data_len));
        initialised C_VerifySignatureUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| verify::update_signature(module, session, InBuf::new(data, data_len));
        initialised C_VerifySignatureFinal(session: CK_SESSION_HANDLE) =>
            |module| verify::finish_signature(module, session);
        initialised C_GetSessionValidationFlags(
            session: CK_SESSION_HANDLE, _kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut CK_FLAGS
        ) => |module| session::validation_flags(module, session, OutValue::new(flags));
        initialised C_AsyncComplete(
            _session: CK_SESSION_HANDLE, _text: *mut CK_UTF8CHAR, _result: *mut CK_ASYNC_DATA
        ) => unsupported;
        initialised C_AsyncGetID(_session: CK_SESSION_HANDLE, _text: *mut CK_UTF8CHAR, _len_out: *mut CK_ULONG) =>
            unsupported;
        initialised C_AsyncJoin(
            _session: CK_SESSION_HANDLE, _text: *mut CK_UTF8CHAR, _len: CK_ULONG, _data: *mut CK_BYTE,
            _len_2: CK_ULONG
        ) => unsupported;
        initialised C_WrapKeyAuthenticated(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE,
            _key_2: CK_OBJECT_HANDLE, _data: *mut CK_BYTE, _len: CK_ULONG, _data_2: *mut CK_BYTE,
            _len_out: *mut CK_ULONG
        ) => unsupported;
        initialised C_UnwrapKeyAuthenticated(
            _session: CK_SESSION_HANDLE, _mechanism: *mut CK_MECHANISM, _key: CK_OBJECT_HANDLE, _data: *mut CK_BYTE,
            _len: CK_ULONG, _template: *mut CK_ATTRIBUTE, _len_2: CK_ULONG, _data_2: *mut CK_BYTE, _len_3: CK_ULONG,
            _object: *mut CK_OBJECT_HANDLE
        ) => unsupported;
    }
}
