//! TABLE: why a call fails, and which CK_RV says so (PKCS#11 3.2 section 5.1). Daemon failures arrive with their CK_RV
//! already chosen (`proto/src/error.rs`); nothing here decides who may do what.

use std::fmt;

use cryptoki_sys::CK_RV;

use crate::transport::CallError;

mod returns;

/// What a call returns.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! errors {
    ($($name:ident = $rv:ident,)*) => {
        /// Every way a call of the module can fail.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, clippy::enum_variant_names)] // the names are PKCS#11's own
        pub enum Error {
            $($name,)*
            /// The daemon said no, and why.
            Daemon { rv: u64, reason: String },
            /// Nobody answered, or nothing that can be used.
            NoAnswer(String),
        }

        impl Error {
            /// What PKCS#11 calls it.
            pub fn ck_rv(&self) -> CK_RV {
                match self {
                    $(Self::$name => cryptoki_sys::$rv,)*
                    Self::Daemon { rv, .. } => *rv,
                    Self::NoAnswer(_) => cryptoki_sys::CKR_DEVICE_ERROR,
                }
            }
        }
    };
}

errors! {
    SlotIdInvalid = CKR_SLOT_ID_INVALID,
    GeneralError = CKR_GENERAL_ERROR,
    FunctionFailed = CKR_FUNCTION_FAILED,
    ArgumentsBad = CKR_ARGUMENTS_BAD,
    ActionProhibited = CKR_ACTION_PROHIBITED,
    NoEvent = CKR_NO_EVENT,
    AttributeSensitive = CKR_ATTRIBUTE_SENSITIVE,
    AttributeTypeInvalid = CKR_ATTRIBUTE_TYPE_INVALID,
    AttributeValueInvalid = CKR_ATTRIBUTE_VALUE_INVALID,
    DataLenRange = CKR_DATA_LEN_RANGE,
    EncryptedDataLenRange = CKR_ENCRYPTED_DATA_LEN_RANGE,
    FunctionNotParallel = CKR_FUNCTION_NOT_PARALLEL,
    FunctionNotSupported = CKR_FUNCTION_NOT_SUPPORTED,
    KeyHandleInvalid = CKR_KEY_HANDLE_INVALID,
    KeyNotNeeded = CKR_KEY_NOT_NEEDED,
    KeyIndigestible = CKR_KEY_INDIGESTIBLE,
    KeySizeRange = CKR_KEY_SIZE_RANGE,
    KeyTypeInconsistent = CKR_KEY_TYPE_INCONSISTENT,
    KeyFunctionNotPermitted = CKR_KEY_FUNCTION_NOT_PERMITTED,
    KeyNotWrappable = CKR_KEY_NOT_WRAPPABLE,
    KeyUnextractable = CKR_KEY_UNEXTRACTABLE,
    MechanismInvalid = CKR_MECHANISM_INVALID,
    MechanismParamInvalid = CKR_MECHANISM_PARAM_INVALID,
    ObjectHandleInvalid = CKR_OBJECT_HANDLE_INVALID,
    OperationActive = CKR_OPERATION_ACTIVE,
    OperationNotInitialized = CKR_OPERATION_NOT_INITIALIZED,
    SessionHandleInvalid = CKR_SESSION_HANDLE_INVALID,
    SessionExists = CKR_SESSION_EXISTS,
    PinIncorrect = CKR_PIN_INCORRECT,
    SavedStateInvalid = CKR_SAVED_STATE_INVALID,
    PinLenRange = CKR_PIN_LEN_RANGE,
    SessionAsyncNotSupported = CKR_SESSION_ASYNC_NOT_SUPPORTED,
    SessionParallelNotSupported = CKR_SESSION_PARALLEL_NOT_SUPPORTED,
    SessionReadOnly = CKR_SESSION_READ_ONLY,
    SessionReadOnlyExists = CKR_SESSION_READ_ONLY_EXISTS,
    SessionReadWriteSoExists = CKR_SESSION_READ_WRITE_SO_EXISTS,
    SignatureInvalid = CKR_SIGNATURE_INVALID,
    SignatureLenRange = CKR_SIGNATURE_LEN_RANGE,
    TokenResourceExceeded = CKR_TOKEN_RESOURCE_EXCEEDED,
    StateUnsaveable = CKR_STATE_UNSAVEABLE,
    TokenNotPresent = CKR_TOKEN_NOT_PRESENT,
    TokenNotRecognized = CKR_TOKEN_NOT_RECOGNIZED,
    UnwrappingKeyHandleInvalid = CKR_UNWRAPPING_KEY_HANDLE_INVALID,
    UnwrappingKeyTypeInconsistent = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
    UserAlreadyLoggedIn = CKR_USER_ALREADY_LOGGED_IN,
    UserNotLoggedIn = CKR_USER_NOT_LOGGED_IN,
    UserTypeInvalid = CKR_USER_TYPE_INVALID,
    UserAnotherAlreadyLoggedIn = CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
    WrappedKeyLenRange = CKR_WRAPPED_KEY_LEN_RANGE,
    WrappingKeyHandleInvalid = CKR_WRAPPING_KEY_HANDLE_INVALID,
    WrappingKeyTypeInconsistent = CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
    BufferTooSmall = CKR_BUFFER_TOO_SMALL,
    CryptokiNotInitialized = CKR_CRYPTOKI_NOT_INITIALIZED,
    CryptokiAlreadyInitialized = CKR_CRYPTOKI_ALREADY_INITIALIZED,
}

impl Error {
    /// The return value that the application sees from this function: one that PKCS#11 lists for it.
    pub fn returned_by(&self, function: &str) -> CK_RV {
        match self {
            // These are only ever made where they belong, and hosts that probe attributes get them all the time.
            Self::AttributeTypeInvalid | Self::AttributeSensitive | Self::BufferTooSmall => self.ck_rv(),
            other => returns::fit(function, other.ck_rv()),
        }
    }

    /// In an operation the object is a key, and PKCS#11 has a code of its own for a key that is gone.
    pub fn about_key(self) -> Self {
        match self {
            Self::ObjectHandleInvalid => Self::KeyHandleInvalid,
            Self::Daemon { rv: cryptoki_sys::CKR_OBJECT_HANDLE_INVALID, reason } => {
                Self::Daemon { rv: cryptoki_sys::CKR_KEY_HANDLE_INVALID, reason }
            }
            other => other,
        }
    }

    /// The same of the key that wraps another, where the trouble with it was found here.
    pub fn about_wrapping_key(self) -> Self {
        match self {
            Self::KeyHandleInvalid => Self::WrappingKeyHandleInvalid,
            Self::KeyTypeInconsistent => Self::WrappingKeyTypeInconsistent,
            other => other,
        }
    }

    /// The same of the key that unwraps another.
    pub fn about_unwrapping_key(self) -> Self {
        match self {
            Self::KeyHandleInvalid => Self::UnwrappingKeyHandleInvalid,
            Self::KeyTypeInconsistent => Self::UnwrappingKeyTypeInconsistent,
            other => other,
        }
    }

    /// A reply that does not fit its request.
    pub fn strange_reply() -> Self {
        Self::NoAnswer("the daemon's reply does not fit the request".into())
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(why) => Self::NoAnswer(format!("the daemon cannot be reached: {why}")),
            CallError::Timeout => Self::NoAnswer("the daemon did not answer in time".into()),
            CallError::OutcomeUnknown => Self::NoAnswer("the connection broke before the answer came".into()),
            CallError::Refused(status, why) => Self::NoAnswer(format!("gRPC status {status}: {why}")),
            CallError::TooLarge => Self::DataLenRange,
            CallError::Failure(failure) => {
                // A failure must never read as CKR_OK, whatever the daemon sent.
                let rv = if failure.ck_rv == 0 { failure.code().ck_rv() } else { failure.ck_rv };
                Self::Daemon { rv, reason: format!("{} (request {})", failure.reason, failure.request_id) }
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon { reason, .. } => write!(f, "{reason}"),
            Self::NoAnswer(reason) => write!(f, "{reason}"),
            local => write!(f, "{local:?}"),
        }
    }
}
