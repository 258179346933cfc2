//! TABLE: what each [`ErrorCode`] is as a gRPC status, as a CK_RV, and as an exit code of the CLI.
//!
//! No `_ =>` arm on purpose: a new code does not build until all three columns have an answer.

pub use crate::v1::ErrorCode;

/// `google.rpc.ErrorInfo.domain` of every error Softkeep sends.
pub const ERROR_DOMAIN: &str = "softkeep";

/// A gRPC status code by its number (grpc/statuscodes), without needing the gRPC library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(i32)]
pub enum GrpcCode {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// The CLI's exit codes (0 is success).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The operation failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The vault, key or version does not exist.
    NotFound = 3,
    /// The caller may not do this.
    NotPermitted = 4,
    /// The daemon is sealed or cannot be reached.
    Unreachable = 5,
}

/// CK_RV values (PKCS#11 3.2 section 5.1) that the table uses.
#[allow(missing_docs)]
pub mod ck_rv {
    pub const FUNCTION_FAILED: u64 = 0x06;
    pub const ARGUMENTS_BAD: u64 = 0x07;
    pub const ATTRIBUTE_READ_ONLY: u64 = 0x10;
    pub const ATTRIBUTE_VALUE_INVALID: u64 = 0x13;
    pub const ACTION_PROHIBITED: u64 = 0x1B;
    pub const DATA_LEN_RANGE: u64 = 0x21;
    pub const DEVICE_ERROR: u64 = 0x30;
    pub const ENCRYPTED_DATA_INVALID: u64 = 0x40;
    pub const FUNCTION_NOT_SUPPORTED: u64 = 0x54;
    pub const KEY_SIZE_RANGE: u64 = 0x62;
    pub const KEY_TYPE_INCONSISTENT: u64 = 0x63;
    pub const KEY_FUNCTION_NOT_PERMITTED: u64 = 0x68;
    pub const KEY_NOT_WRAPPABLE: u64 = 0x69;
    pub const KEY_UNEXTRACTABLE: u64 = 0x6A;
    pub const MECHANISM_INVALID: u64 = 0x70;
    pub const MECHANISM_PARAM_INVALID: u64 = 0x71;
    pub const OBJECT_HANDLE_INVALID: u64 = 0x82;
    pub const PIN_INCORRECT: u64 = 0xA0;
    pub const PIN_LEN_RANGE: u64 = 0xA2;
    pub const PIN_LOCKED: u64 = 0xA4;
    pub const SIGNATURE_INVALID: u64 = 0xC0;
    pub const TEMPLATE_INCOMPLETE: u64 = 0xD0;
    pub const TEMPLATE_INCONSISTENT: u64 = 0xD1;
    pub const TOKEN_NOT_PRESENT: u64 = 0xE0;
    pub const UNWRAPPING_KEY_TYPE_INCONSISTENT: u64 = 0xF2;
    pub const USER_NOT_LOGGED_IN: u64 = 0x101;
    pub const USER_PIN_NOT_INITIALIZED: u64 = 0x102;
    pub const WRAPPED_KEY_INVALID: u64 = 0x110;
    pub const WRAPPING_KEY_TYPE_INCONSISTENT: u64 = 0x115;
}

impl ErrorCode {
    /// The row of the table: gRPC status, CK_RV, exit code.
    fn row(self) -> (GrpcCode, u64, ExitCode) {
        use ErrorCode as E;
        use ExitCode as X;
        use GrpcCode as G;
        match self {
            E::Unspecified | E::Internal => (G::Internal, ck_rv::FUNCTION_FAILED, X::Failed),
            E::InvalidArgument => (G::InvalidArgument, ck_rv::ARGUMENTS_BAD, X::Failed),
            E::InvalidLength => (G::InvalidArgument, ck_rv::DATA_LEN_RANGE, X::Failed),
            E::UnsupportedAlgorithm => (G::InvalidArgument, ck_rv::MECHANISM_INVALID, X::Failed),
            E::InvalidParameters => (G::InvalidArgument, ck_rv::MECHANISM_PARAM_INVALID, X::Failed),
            E::KeyTypeMismatch => (G::FailedPrecondition, ck_rv::KEY_TYPE_INCONSISTENT, X::Failed),
            E::OperationNotPermitted => (G::FailedPrecondition, ck_rv::KEY_FUNCTION_NOT_PERMITTED, X::NotPermitted),
            E::KeyDisabled => (G::FailedPrecondition, ck_rv::KEY_FUNCTION_NOT_PERMITTED, X::NotPermitted),
            E::Unauthenticated => (G::Unauthenticated, ck_rv::USER_NOT_LOGGED_IN, X::NotPermitted),
            E::PermissionDenied => (G::PermissionDenied, ck_rv::ACTION_PROHIBITED, X::NotPermitted),
            E::VaultNotFound => (G::NotFound, ck_rv::TOKEN_NOT_PRESENT, X::NotFound),
            E::KeyNotFound => (G::NotFound, ck_rv::OBJECT_HANDLE_INVALID, X::NotFound),
            E::AlreadyExists => (G::AlreadyExists, ck_rv::ATTRIBUTE_VALUE_INVALID, X::Failed),
            E::Conflict => (G::Aborted, ck_rv::FUNCTION_FAILED, X::Failed),
            E::DecryptFailed => (G::InvalidArgument, ck_rv::ENCRYPTED_DATA_INVALID, X::Failed),
            E::KeyInvalid => (G::InvalidArgument, ck_rv::ATTRIBUTE_VALUE_INVALID, X::Failed),
            E::KeyTooWeak => (G::InvalidArgument, ck_rv::KEY_SIZE_RANGE, X::Failed),
            E::Sealed => (G::FailedPrecondition, ck_rv::TOKEN_NOT_PRESENT, X::Unreachable),
            E::Unavailable => (G::Unavailable, ck_rv::DEVICE_ERROR, X::Unreachable),
            E::Overloaded => (G::ResourceExhausted, ck_rv::FUNCTION_FAILED, X::Failed),
            E::DeadlineExceeded => (G::DeadlineExceeded, ck_rv::DEVICE_ERROR, X::Failed),
            E::MessageTooLarge => (G::ResourceExhausted, ck_rv::DATA_LEN_RANGE, X::Failed),
            E::PinIncorrect => (G::Unauthenticated, ck_rv::PIN_INCORRECT, X::NotPermitted),
            E::PinLocked => (G::Unauthenticated, ck_rv::PIN_LOCKED, X::NotPermitted),
            E::PinInvalid => (G::InvalidArgument, ck_rv::PIN_LEN_RANGE, X::Failed),
            E::PinNotSet => (G::FailedPrecondition, ck_rv::USER_PIN_NOT_INITIALIZED, X::Failed),
            E::RecordDamaged => (G::DataLoss, ck_rv::DEVICE_ERROR, X::Failed),
            E::StoreFailed => (G::Unavailable, ck_rv::DEVICE_ERROR, X::Failed),
            E::AuditFailed => (G::Unavailable, ck_rv::DEVICE_ERROR, X::Failed),
            E::AttributeReadOnly => (G::InvalidArgument, ck_rv::ATTRIBUTE_READ_ONLY, X::Failed),
            E::AttributeInvalid => (G::InvalidArgument, ck_rv::ATTRIBUTE_VALUE_INVALID, X::Failed),
            E::TemplateIncomplete => (G::InvalidArgument, ck_rv::TEMPLATE_INCOMPLETE, X::Failed),
            E::TemplateInconsistent => (G::InvalidArgument, ck_rv::TEMPLATE_INCONSISTENT, X::Failed),
            E::ActionProhibited => (G::FailedPrecondition, ck_rv::ACTION_PROHIBITED, X::NotPermitted),
            E::SignatureInvalid => (G::InvalidArgument, ck_rv::SIGNATURE_INVALID, X::Failed),
            E::KeyNotWrappable => (G::FailedPrecondition, ck_rv::KEY_NOT_WRAPPABLE, X::NotPermitted),
            E::KeyUnextractable => (G::FailedPrecondition, ck_rv::KEY_UNEXTRACTABLE, X::NotPermitted),
            E::WrappedKeyInvalid => (G::InvalidArgument, ck_rv::WRAPPED_KEY_INVALID, X::Failed),
            E::WrappingKeyMismatch => (G::FailedPrecondition, ck_rv::WRAPPING_KEY_TYPE_INCONSISTENT, X::Failed),
            E::UnwrappingKeyMismatch => (G::FailedPrecondition, ck_rv::UNWRAPPING_KEY_TYPE_INCONSISTENT, X::Failed),
            E::SecretNotFound | E::CertificateNotFound => (G::NotFound, ck_rv::OBJECT_HANDLE_INVALID, X::NotFound),
            E::GroupNotFound | E::PrincipalNotFound | E::RoleNotFound | E::IssuerNotFound | E::OperationNotFound => {
                (G::NotFound, ck_rv::FUNCTION_FAILED, X::NotFound)
            }
            E::NameDeleted => (G::AlreadyExists, ck_rv::ATTRIBUTE_VALUE_INVALID, X::Failed),
            E::SecretDisabled => (G::FailedPrecondition, ck_rv::ACTION_PROHIBITED, X::NotPermitted),
            E::PurgeProtected | E::ManagedObject => (G::FailedPrecondition, ck_rv::ACTION_PROHIBITED, X::NotPermitted),
            E::SkuNotSupported => (G::FailedPrecondition, ck_rv::ACTION_PROHIBITED, X::Failed),
            E::TransferBlobInvalid => (G::InvalidArgument, ck_rv::WRAPPED_KEY_INVALID, X::Failed),
            E::CertificateInvalid | E::BackupInvalid => (G::InvalidArgument, ck_rv::ATTRIBUTE_VALUE_INVALID, X::Failed),
            E::PasswordIncorrect => (G::InvalidArgument, ck_rv::PIN_INCORRECT, X::Failed),
            E::TokenInvalid => (G::Unauthenticated, ck_rv::USER_NOT_LOGGED_IN, X::NotPermitted),
            E::SignInPending => (G::FailedPrecondition, ck_rv::FUNCTION_FAILED, X::Failed),
            E::NeedsAzure => (G::Unimplemented, ck_rv::FUNCTION_NOT_SUPPORTED, X::Failed),
            E::NotSupported => (G::Unimplemented, ck_rv::FUNCTION_NOT_SUPPORTED, X::Failed),
        }
    }

    /// The gRPC status code.
    pub fn grpc(self) -> GrpcCode {
        self.row().0
    }

    /// The PKCS#11 return value.
    pub fn ck_rv(self) -> u64 {
        self.row().1
    }

    /// The CLI's exit code.
    pub fn exit(self) -> ExitCode {
        self.row().2
    }

    /// The name on the wire and in the CLI, e.g. `KEY_NOT_FOUND`.
    pub fn reason(self) -> &'static str {
        self.as_str_name().trim_start_matches("ERROR_CODE_")
    }

    /// The code of a [`reason`](Self::reason).
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::from_str_name(&format!("ERROR_CODE_{reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_reason_and_has_a_row() {
        let all: Vec<ErrorCode> =
            (0..=i32::from(u8::MAX)).filter_map(|number| ErrorCode::try_from(number).ok()).collect();
        assert!(all.len() > 30);
        for code in all {
            assert_eq!(ErrorCode::from_reason(code.reason()), Some(code));
            assert!(code.ck_rv() != 0 && code.exit() as u8 != 0 && code.grpc() as i32 != 0);
        }
        assert_eq!(ErrorCode::from_reason("NO_SUCH_REASON"), None);
    }
}
