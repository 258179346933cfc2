//! TABLE: every function of PKCS#11 3.2 and what answers it. From these rows come the exported symbols and the three
//! function lists, so that none can have a hole. Nothing is done here.
//!
//! `initialised` rows fail before C_Initialize; `anytime` rows do not. What is `unsupported` says
//! FUNCTION_NOT_SUPPORTED.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::{
    AttributesOut, InBuf, InitArgs, MechanismArg, MessageArg, OutArray, OutBuf, OutFill, OutList, OutValue, Template,
    anytime, initialised, interfaces, unsupported,
};
use crate::{
    calls::{
        copy, decrypt, derive, digest, dual, encapsulate, encrypt, find, general, key, login, message_cipher,
        message_sign, object, operation_state, random, recover, session, sign, slot, token, verify, wrap,
    },
    session::{MessageDecrypt, MessageEncrypt},
};

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
        initialised C_GetSlotList(token_present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG) =>
            |module| slot::list(module, token_present != CK_FALSE, OutList::new(slots, count));
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
            slot_id: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG, label: *mut CK_UTF8CHAR
        ) => |module| token::init(module, slot_id, InBuf::new(pin, pin_len), InBuf::new(label, 32));
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
        initialised C_GetOperationState(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) =>
            |module| operation_state::get(module, session, OutBuf::new(out, out_len));
        initialised C_SetOperationState(
            session: CK_SESSION_HANDLE, state: *mut CK_BYTE, state_len: CK_ULONG,
            encryption_key: CK_OBJECT_HANDLE, authentication_key: CK_OBJECT_HANDLE
        ) => |module| operation_state::set(
                module,
                session,
                InBuf::new(state, state_len),
                [encryption_key, authentication_key],
            );
        initialised C_Login(
            session: CK_SESSION_HANDLE, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG
        ) => |module| login::login(module, session, user_type, InBuf::new(pin, pin_len));
        initialised C_Logout(session: CK_SESSION_HANDLE) => |module| login::logout(module, session);
        initialised C_CreateObject(
            session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE
        ) => |module| object::create(module, session, Template::new(template, count), OutValue::new(object));
        initialised C_CopyObject(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
            new_object: *mut CK_OBJECT_HANDLE
        ) => |module| copy::copy(module, session, object, Template::new(template, count), OutValue::new(new_object));
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
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| encrypt::update(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_EncryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) =>
            |module| encrypt::finish(module, session, OutBuf::new(out, out_len));
        initialised C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =>
            |module| decrypt::init(module, session, MechanismArg::new(mechanism), key);
        initialised C_Decrypt(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| decrypt::decrypt(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DecryptUpdate(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| decrypt::update(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DecryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) =>
            |module| decrypt::finish(module, session, OutBuf::new(out, out_len));
        initialised C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) =>
            |module| digest::init(module, session, MechanismArg::new(mechanism));
        initialised C_Digest(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| digest::digest(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DigestUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| digest::update(module, session, InBuf::new(data, data_len));
        initialised C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) =>
            |module| digest::key(module, session, key);
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
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| recover::init_sign(module, session, MechanismArg::new(mechanism), key);
        initialised C_SignRecover(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| recover::sign(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
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
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| recover::init_verify(module, session, MechanismArg::new(mechanism), key);
        initialised C_VerifyRecover(
            session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| recover::verify(module, session, InBuf::new(signature, signature_len), OutBuf::new(out, out_len));
        initialised C_DigestEncryptUpdate(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| dual::digest_encrypt(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DecryptDigestUpdate(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| dual::decrypt_digest(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_SignEncryptUpdate(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| dual::sign_encrypt(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_DecryptVerifyUpdate(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| dual::decrypt_verify(module, session, InBuf::new(data, data_len), OutBuf::new(out, out_len));
        initialised C_GenerateKey(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
            key: *mut CK_OBJECT_HANDLE
        ) => |module| key::generate(
                module,
                session,
                MechanismArg::new(mechanism),
                Template::new(template, count),
                OutValue::new(key),
            );
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
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping_key: CK_OBJECT_HANDLE,
            key: CK_OBJECT_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG
        ) => |module| {
            let mechanism = MechanismArg::new(mechanism);
            let given = wrap::Wrap { mechanism, wrapping_key, key, associated_data: None };
            wrap::wrap(module, session, given, OutBuf::new(out, out_len))
        };
        initialised C_UnwrapKey(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping_key: CK_OBJECT_HANDLE,
            wrapped: *mut CK_BYTE, wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
            key: *mut CK_OBJECT_HANDLE
        ) => |module| {
            let (mechanism, wrapped) = (MechanismArg::new(mechanism), InBuf::new(wrapped, wrapped_len));
            let template = Template::new(template, count);
            let given = wrap::Unwrap { mechanism, unwrapping_key, wrapped, template, associated_data: None };
            wrap::unwrap(module, session, given, OutValue::new(key))
        };
        initialised C_DeriveKey(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base_key: CK_OBJECT_HANDLE,
            template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
        ) => |module| derive::derive(
                module,
                session,
                MechanismArg::new(mechanism),
                base_key,
                Template::new(template, count),
                OutValue::new(key),
            );
        initialised C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_len: CK_ULONG) =>
            |module| random::seed(module, session, InBuf::new(seed, seed_len));
        initialised C_GenerateRandom(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG) =>
            |module| random::generate(module, session, OutFill::new(data, data_len));
        initialised C_GetFunctionStatus(_session: CK_SESSION_HANDLE) => |_| general::not_parallel();
        initialised C_CancelFunction(_session: CK_SESSION_HANDLE) => |_| general::not_parallel();
        initialised C_WaitForSlotEvent(flags: CK_FLAGS, slot_id: *mut CK_SLOT_ID, reserved: *mut c_void) =>
            |module| slot::wait(module, flags, OutValue::new(slot_id), reserved.is_null());
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
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| message_cipher::init::<MessageEncrypt>(module, session, MechanismArg::new(mechanism), key);
        initialised C_EncryptMessage(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, aad: *mut CK_BYTE,
            aad_len: CK_ULONG, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| message_cipher::whole::<MessageEncrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(aad, aad_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
            );
        initialised C_EncryptMessageBegin(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, aad: *mut CK_BYTE,
            aad_len: CK_ULONG
        ) => |module| message_cipher::start::<MessageEncrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(aad, aad_len),
            );
        initialised C_EncryptMessageNext(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG, flags: CK_FLAGS
        ) => |module| message_cipher::next::<MessageEncrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
                flags,
            );
        initialised C_MessageEncryptFinal(session: CK_SESSION_HANDLE) =>
            |module| message_cipher::end::<MessageEncrypt>(module, session);
        initialised C_MessageDecryptInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| message_cipher::init::<MessageDecrypt>(module, session, MechanismArg::new(mechanism), key);
        initialised C_DecryptMessage(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, aad: *mut CK_BYTE,
            aad_len: CK_ULONG, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE,
            out_len: *mut CK_ULONG
        ) => |module| message_cipher::whole::<MessageDecrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(aad, aad_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
            );
        initialised C_DecryptMessageBegin(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, aad: *mut CK_BYTE,
            aad_len: CK_ULONG
        ) => |module| message_cipher::start::<MessageDecrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(aad, aad_len),
            );
        initialised C_DecryptMessageNext(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG, flags: CK_FLAGS
        ) => |module| message_cipher::next::<MessageDecrypt>(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
                flags,
            );
        initialised C_MessageDecryptFinal(session: CK_SESSION_HANDLE) =>
            |module| message_cipher::end::<MessageDecrypt>(module, session);
        initialised C_MessageSignInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| message_sign::init_sign(module, session, MechanismArg::new(mechanism), key);
        initialised C_SignMessage(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
        ) => |module| message_sign::sign(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
            );
        initialised C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG) =>
            |module| message_sign::start_sign(module, session, MessageArg::new(parameter, parameter_len));
        initialised C_SignMessageNext(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
        ) => |module| message_sign::next_sign(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                OutBuf::new(out, out_len),
            );
        initialised C_MessageSignFinal(session: CK_SESSION_HANDLE) => |module| message_sign::end_sign(module, session);
        initialised C_MessageVerifyInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE
        ) => |module| message_sign::init_verify(module, session, MechanismArg::new(mechanism), key);
        initialised C_VerifyMessage(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG
        ) => |module| message_sign::verify(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                InBuf::new(signature, signature_len),
            );
        initialised C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG) =>
            |module| message_sign::start_verify(module, session, MessageArg::new(parameter, parameter_len));
        initialised C_VerifyMessageNext(
            session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG
        ) => |module| message_sign::next_verify(
                module,
                session,
                MessageArg::new(parameter, parameter_len),
                InBuf::new(data, data_len),
                InBuf::new(signature, signature_len),
            );
        initialised C_MessageVerifyFinal(session: CK_SESSION_HANDLE) =>
            |module| message_sign::end_verify(module, session);
    }
    3.2 {
        initialised C_EncapsulateKey(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public_key: CK_OBJECT_HANDLE,
            template: *mut CK_ATTRIBUTE, count: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG,
            key: *mut CK_OBJECT_HANDLE
        ) => |module| encapsulate::encapsulate(
                module,
                session,
                MechanismArg::new(mechanism),
                public_key,
                Template::new(template, count),
                (OutBuf::new(out, out_len), OutValue::new(key)),
            );
        initialised C_DecapsulateKey(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, private_key: CK_OBJECT_HANDLE,
            template: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_len: CK_ULONG,
            key: *mut CK_OBJECT_HANDLE
        ) => |module| encapsulate::decapsulate(
                module,
                session,
                MechanismArg::new(mechanism),
                private_key,
                (Template::new(template, count), InBuf::new(ciphertext, ciphertext_len)),
                OutValue::new(key),
            );
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
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping_key: CK_OBJECT_HANDLE,
            key: CK_OBJECT_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG
        ) => |module| {
            let (mechanism, data) = (MechanismArg::new(mechanism), InBuf::new(data, data_len));
            let given = wrap::Wrap { mechanism, wrapping_key, key, associated_data: Some(data) };
            wrap::wrap(module, session, given, OutBuf::new(out, out_len))
        };
        initialised C_UnwrapKeyAuthenticated(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping_key: CK_OBJECT_HANDLE,
            wrapped: *mut CK_BYTE, wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
            data: *mut CK_BYTE, data_len: CK_ULONG, key: *mut CK_OBJECT_HANDLE
        ) => |module| {
            let (mechanism, wrapped) = (MechanismArg::new(mechanism), InBuf::new(wrapped, wrapped_len));
            let (template, data) = (Template::new(template, count), InBuf::new(data, data_len));
            let given = wrap::Unwrap { mechanism, unwrapping_key, wrapped, template, associated_data: Some(data) };
            wrap::unwrap(module, session, given, OutValue::new(key))
        };
    }
}
