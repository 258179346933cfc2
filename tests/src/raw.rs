//! A thin wrapper over the module's C interface, for the helper programs: they load it as a host does, with dlopen, and some fork.
//! Nothing is checked here that a test should check: each call gives the CK_RV as it came.
#![allow(clippy::macro_metavars_in_unsafe)] // in `raw_call!`: a borrow becomes a pointer only as the argument itself

use std::{
    env,
    ffi::{CString, OsString, c_void},
    os::unix::ffi::OsStringExt,
    ptr,
};

pub use cryptoki_sys as ck;
use cryptoki_sys::{CK_ATTRIBUTE, CK_FUNCTION_LIST_3_2, CK_INTERFACE, CK_MECHANISM, CK_RV, CK_VERSION, CKR_OK};

/// A value, or why there is none.
pub type Rv<T> = Result<T, CK_RV>;

/// Room for any signature and ciphertext here.
const MAX_OUT: usize = 1024;

/// Calls a function of a [`Module`]'s list. Only for the helper programs: the arguments must be right, or wrong in a way that PKCS#11 allows.
#[macro_export]
macro_rules! raw_call {
    ($module:expr, $name:ident($($arg:expr),* $(,)?)) => {{
        let function = $module.list.$name.expect(stringify!($name));
        // SAFETY: the function is the loaded module's; pointers given to it are NULL or valid for the lengths beside them.
        unsafe { function($($arg),*) }
    }};
}

/// The loaded module. Never unloaded.
#[derive(Clone, Copy)]
pub struct Module {
    /// Every function of 3.2.
    pub list: &'static CK_FUNCTION_LIST_3_2,
}

/// A kind of key, and what it signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CKM_SHA256_RSA_PKCS.
    Rsa,
    /// CKM_ECDSA_SHA256.
    Ec,
}

impl Kind {
    /// The mechanism that hashes and signs.
    pub fn mechanism(self) -> u64 {
        match self {
            Kind::Rsa => ck::CKM_SHA256_RSA_PKCS,
            Kind::Ec => ck::CKM_ECDSA_SHA256,
        }
    }
}

/// A mechanism without a parameter.
pub fn mechanism(mechanism: u64) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

/// An attribute that points to a value; the value must outlive the call.
pub fn attribute<T>(kind: u64, value: &mut [T]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: kind, pValue: value.as_mut_ptr().cast(), ulValueLen: size_of_val(value) as u64 }
}

fn ok(rv: CK_RV) -> Rv<()> {
    if rv == CKR_OK { Ok(()) } else { Err(rv) }
}

/// A value, or an end that names what failed.
pub fn must<T>(what: &str, result: Rv<T>) -> T {
    result.unwrap_or_else(|rv| panic!("{what}: {}", name(rv)))
}

impl Module {
    /// Loads what `SOFTKEEP_PKCS11_MODULE` names.
    pub fn load() -> Self {
        let path = env::var_os("SOFTKEEP_PKCS11_MODULE").expect("SOFTKEEP_PKCS11_MODULE names the module");
        Self::load_from(path)
    }

    /// Loads a module.
    pub fn load_from(path: impl Into<OsString>) -> Self {
        let path = CString::new(path.into().into_vec()).expect("a path");
        // SAFETY: a path, and flags that dlopen knows; the module's constructors are its own affair.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "dlopen failed");
        // SAFETY: the handle is dlopen's.
        let symbol = unsafe { libc::dlsym(handle, c"C_GetInterface".as_ptr()) };
        assert!(!symbol.is_null(), "no C_GetInterface");
        // SAFETY: the symbol has this type in every PKCS#11 3 module.
        let get: ck::CK_C_GetInterface = unsafe { std::mem::transmute::<*mut c_void, ck::CK_C_GetInterface>(symbol) };
        let mut interface: *mut CK_INTERFACE = ptr::null_mut();
        let mut version = CK_VERSION { major: 3, minor: 2 };
        // SAFETY: NULL for the name is "the default"; the others are valid during the call.
        let rv = unsafe { get.expect("checked above")(ptr::null_mut(), &mut version, &mut interface, 0) };
        assert_eq!(rv, CKR_OK, "C_GetInterface");
        // SAFETY: the interface asked for was given; it and its list are constants of the module.
        Self { list: unsafe { &*(*interface).pFunctionList.cast::<CK_FUNCTION_LIST_3_2>() } }
    }

    /// C_Initialize.
    pub fn initialize(self) -> CK_RV {
        raw_call!(self, C_Initialize(ptr::null_mut()))
    }

    /// C_Finalize.
    pub fn finalize(self) -> CK_RV {
        raw_call!(self, C_Finalize(ptr::null_mut()))
    }

    /// The slot whose token has the label in `SOFTKEEP_TOKEN_LABEL`; TOKEN_NOT_PRESENT if none has.
    pub fn slot(self) -> Rv<u64> {
        let wanted = env::var("SOFTKEEP_TOKEN_LABEL").unwrap_or_else(|_| "dev".into());
        let mut slots = [0; 16];
        let mut count = slots.len() as u64;
        ok(raw_call!(self, C_GetSlotList(ck::CK_TRUE, slots.as_mut_ptr(), &mut count)))?;
        for slot in slots.into_iter().take(count as usize) {
            let mut info = ck::CK_TOKEN_INFO::default();
            ok(raw_call!(self, C_GetTokenInfo(slot, &mut info)))?;
            if String::from_utf8_lossy(&info.label).trim_end() == wanted {
                return Ok(slot);
            }
        }
        Err(ck::CKR_TOKEN_NOT_PRESENT)
    }

    /// A read/write session.
    pub fn open(self, slot: u64) -> Rv<u64> {
        let mut session = 0;
        let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
        ok(raw_call!(self, C_OpenSession(slot, flags, ptr::null_mut(), None, &mut session)))?;
        Ok(session)
    }

    /// C_CloseSession.
    pub fn close(self, session: u64) -> Rv<()> {
        ok(raw_call!(self, C_CloseSession(session)))
    }

    /// C_Login.
    pub fn login(self, session: u64, user: u64, pin: &str) -> CK_RV {
        raw_call!(self, C_Login(session, user, pin.as_ptr().cast_mut(), pin.len() as u64))
    }

    /// The state in CK_SESSION_INFO.
    pub fn session_state(self, session: u64) -> Rv<u64> {
        let mut info = ck::CK_SESSION_INFO::default();
        ok(raw_call!(self, C_GetSessionInfo(session, &mut info)))?;
        Ok(info.state)
    }

    /// Objects of a class, by label unless that is empty.
    pub fn find(self, session: u64, class: u64, label: &str) -> Rv<Vec<u64>> {
        let (mut class, mut label) = ([class], label.as_bytes().to_vec());
        let mut template = [attribute(ck::CKA_CLASS, &mut class), attribute(ck::CKA_LABEL, &mut label)];
        let count = if label.is_empty() { 1 } else { 2 };
        ok(raw_call!(self, C_FindObjectsInit(session, template.as_mut_ptr(), count)))?;
        let (mut found, mut handles, mut got) = (Vec::new(), [0; 16], 1);
        while got > 0 {
            ok(raw_call!(self, C_FindObjects(session, handles.as_mut_ptr(), handles.len() as u64, &mut got)))?;
            found.extend_from_slice(&handles[..got as usize]);
        }
        ok(raw_call!(self, C_FindObjectsFinal(session)))?;
        Ok(found)
    }

    /// The one object of a class and label; KEY_HANDLE_INVALID if there are none or more.
    pub fn find_one(self, session: u64, class: u64, label: &str) -> Rv<u64> {
        match self.find(session, class, label)?[..] {
            [one] => Ok(one),
            _ => Err(ck::CKR_KEY_HANDLE_INVALID),
        }
    }

    /// C_GenerateKeyPair of token objects; the public and the private handle.
    pub fn generate(self, session: u64, kind: Kind, label: &str) -> Rv<(u64, u64)> {
        let (mut label, mut yes, mut bits) = (label.as_bytes().to_vec(), [ck::CK_TRUE], [2048u64]);
        let mut p256 = [0x06u8, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let (generation, parameter) = match kind {
            Kind::Rsa => (ck::CKM_RSA_PKCS_KEY_PAIR_GEN, attribute(ck::CKA_MODULUS_BITS, &mut bits)),
            Kind::Ec => (ck::CKM_EC_KEY_PAIR_GEN, attribute(ck::CKA_EC_PARAMS, &mut p256)),
        };
        let (token, named) = (attribute(ck::CKA_TOKEN, &mut yes), attribute(ck::CKA_LABEL, &mut label));
        let (mut public, mut private) = ([token, named, parameter], [token, named]);
        let (mut mechanism, mut pair) = (mechanism(generation), (0, 0));
        let (public, private) = (public.as_mut_ptr(), private.as_mut_ptr());
        ok(raw_call!(
            self,
            C_GenerateKeyPair(session, &mut mechanism, public, 3, private, 2, &mut pair.0, &mut pair.1)
        ))?;
        Ok(pair)
    }

    /// C_SignInit.
    pub fn sign_init(self, session: u64, with: u64, key: u64) -> Rv<()> {
        ok(raw_call!(self, C_SignInit(session, &mut mechanism(with), key)))
    }

    /// C_Sign.
    pub fn sign_now(self, session: u64, data: &[u8]) -> Rv<Vec<u8>> {
        let (mut out, mut len) = (vec![0; MAX_OUT], MAX_OUT as u64);
        let data_ptr = data.as_ptr().cast_mut();
        ok(raw_call!(self, C_Sign(session, data_ptr, data.len() as u64, out.as_mut_ptr(), &mut len)))?;
        out.truncate(len as usize);
        Ok(out)
    }

    /// C_SignInit and C_Sign.
    pub fn sign(self, session: u64, with: u64, key: u64, data: &[u8]) -> Rv<Vec<u8>> {
        self.sign_init(session, with, key)?;
        self.sign_now(session, data)
    }

    /// C_VerifyInit and C_Verify.
    pub fn verify(self, session: u64, with: u64, key: u64, data: &[u8], signature: &[u8]) -> Rv<()> {
        ok(raw_call!(self, C_VerifyInit(session, &mut mechanism(with), key)))?;
        let (data_ptr, signature_ptr) = (data.as_ptr().cast_mut(), signature.as_ptr().cast_mut());
        ok(raw_call!(self, C_Verify(session, data_ptr, data.len() as u64, signature_ptr, signature.len() as u64)))
    }
}

/// A logged-in session and one pair of keys in it.
#[derive(Clone, Copy)]
pub struct Signer {
    /// The module.
    pub module: Module,
    /// The slot.
    pub slot: u64,
    /// The session of the thread that made it.
    pub session: u64,
    /// How it signs.
    pub kind: Kind,
    /// CKO_PUBLIC_KEY.
    pub public: u64,
    /// CKO_PRIVATE_KEY.
    pub private: u64,
}

impl Signer {
    /// Finds both halves of a key.
    pub fn find(module: Module, slot: u64, session: u64, kind: Kind, label: &str) -> Rv<Self> {
        let public = module.find_one(session, ck::CKO_PUBLIC_KEY, label)?;
        let private = module.find_one(session, ck::CKO_PRIVATE_KEY, label)?;
        Ok(Self { module, slot, session, kind, public, private })
    }

    /// The same in a session of its own.
    pub fn in_session(self, session: u64) -> Self {
        Self { session, ..self }
    }

    /// Signs something and checks the signature; both must do.
    pub fn sign_and_verify(self, data: &[u8]) -> Rv<Vec<u8>> {
        let signature = self.module.sign(self.session, self.kind.mechanism(), self.private, data)?;
        self.module.verify(self.session, self.kind.mechanism(), self.public, data, &signature)?;
        Ok(signature)
    }
}

/// The name of a CK_RV.
pub fn name(rv: CK_RV) -> String {
    macro_rules! names {
        ($($name:ident)*) => {
            match rv {
                $(ck::$name => stringify!($name).to_owned(),)*
                other => format!("0x{other:08x}"),
            }
        };
    }
    names! {
        CKR_OK CKR_HOST_MEMORY CKR_SLOT_ID_INVALID CKR_GENERAL_ERROR CKR_FUNCTION_FAILED CKR_ARGUMENTS_BAD
        CKR_NO_EVENT CKR_ATTRIBUTE_READ_ONLY CKR_ATTRIBUTE_SENSITIVE CKR_ATTRIBUTE_TYPE_INVALID
        CKR_ATTRIBUTE_VALUE_INVALID CKR_ACTION_PROHIBITED CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_DEVICE_ERROR
        CKR_DEVICE_MEMORY CKR_DEVICE_REMOVED CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE
        CKR_AEAD_DECRYPT_FAILED CKR_FUNCTION_CANCELED CKR_FUNCTION_NOT_PARALLEL CKR_FUNCTION_NOT_SUPPORTED
        CKR_KEY_HANDLE_INVALID CKR_KEY_SIZE_RANGE CKR_KEY_TYPE_INCONSISTENT CKR_KEY_NOT_NEEDED CKR_KEY_CHANGED
        CKR_KEY_NEEDED CKR_KEY_INDIGESTIBLE CKR_KEY_FUNCTION_NOT_PERMITTED CKR_KEY_NOT_WRAPPABLE CKR_KEY_UNEXTRACTABLE
        CKR_MECHANISM_INVALID CKR_MECHANISM_PARAM_INVALID CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
        CKR_OPERATION_NOT_INITIALIZED CKR_OPERATION_CANCEL_FAILED CKR_PIN_INCORRECT CKR_PIN_INVALID CKR_PIN_LEN_RANGE
        CKR_PIN_EXPIRED CKR_PIN_LOCKED CKR_SESSION_CLOSED CKR_SESSION_COUNT CKR_SESSION_HANDLE_INVALID
        CKR_SESSION_PARALLEL_NOT_SUPPORTED CKR_SESSION_READ_ONLY CKR_SESSION_EXISTS CKR_SESSION_READ_ONLY_EXISTS
        CKR_SESSION_READ_WRITE_SO_EXISTS CKR_SESSION_ASYNC_NOT_SUPPORTED CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE
        CKR_TEMPLATE_INCOMPLETE CKR_TEMPLATE_INCONSISTENT CKR_TOKEN_NOT_PRESENT CKR_TOKEN_NOT_RECOGNIZED
        CKR_TOKEN_WRITE_PROTECTED CKR_TOKEN_RESOURCE_EXCEEDED CKR_UNWRAPPING_KEY_HANDLE_INVALID
        CKR_UNWRAPPING_KEY_SIZE_RANGE CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT CKR_USER_ALREADY_LOGGED_IN
        CKR_USER_NOT_LOGGED_IN CKR_USER_PIN_NOT_INITIALIZED CKR_USER_TYPE_INVALID CKR_USER_ANOTHER_ALREADY_LOGGED_IN
        CKR_WRAPPED_KEY_INVALID CKR_WRAPPED_KEY_LEN_RANGE CKR_WRAPPING_KEY_HANDLE_INVALID CKR_WRAPPING_KEY_SIZE_RANGE
        CKR_WRAPPING_KEY_TYPE_INCONSISTENT CKR_RANDOM_SEED_NOT_SUPPORTED CKR_RANDOM_NO_RNG CKR_DOMAIN_PARAMS_INVALID
        CKR_CURVE_NOT_SUPPORTED CKR_BUFFER_TOO_SMALL CKR_SAVED_STATE_INVALID CKR_INFORMATION_SENSITIVE
        CKR_STATE_UNSAVEABLE CKR_CRYPTOKI_NOT_INITIALIZED CKR_CRYPTOKI_ALREADY_INITIALIZED CKR_FUNCTION_REJECTED
        CKR_PARAMETER_SET_NOT_SUPPORTED
    }
}
