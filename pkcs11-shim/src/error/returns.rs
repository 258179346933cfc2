//! TABLE: which codes a function may return, and what it returns instead of one that it may not. The lists are the
//! standard's, in `return-values.txt`; hosts that follow them know no other code, so none escapes. Why a call fails is
//! decided elsewhere, and the log has it as it was.

use cryptoki_sys::*;

/// The lists. Read as text when a call fails: a table built once would need a lock that a fork could leave taken.
const TABLE: &str = include_str!("return-values.txt");

/// Groups of groups, at most so deep.
const MAX_DEPTH: u32 = 8;

macro_rules! codes {
    ($($name:ident = $rv:ident,)*) => {
        /// The name of a code in the table.
        fn name(rv: CK_RV) -> Option<&'static str> {
            match rv {
                $($rv => Some(stringify!($name)),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const CODES: &[(&str, CK_RV)] = &[$((stringify!($name), $rv),)*];
    };
}

codes! {
    OK = CKR_OK,
    HOST_MEMORY = CKR_HOST_MEMORY,
    SLOT_ID_INVALID = CKR_SLOT_ID_INVALID,
    GENERAL_ERROR = CKR_GENERAL_ERROR,
    FUNCTION_FAILED = CKR_FUNCTION_FAILED,
    ARGUMENTS_BAD = CKR_ARGUMENTS_BAD,
    NO_EVENT = CKR_NO_EVENT,
    ATTRIBUTE_READ_ONLY = CKR_ATTRIBUTE_READ_ONLY,
    ATTRIBUTE_SENSITIVE = CKR_ATTRIBUTE_SENSITIVE,
    ATTRIBUTE_TYPE_INVALID = CKR_ATTRIBUTE_TYPE_INVALID,
    ATTRIBUTE_VALUE_INVALID = CKR_ATTRIBUTE_VALUE_INVALID,
    ACTION_PROHIBITED = CKR_ACTION_PROHIBITED,
    DATA_INVALID = CKR_DATA_INVALID,
    DATA_LEN_RANGE = CKR_DATA_LEN_RANGE,
    DEVICE_ERROR = CKR_DEVICE_ERROR,
    DEVICE_MEMORY = CKR_DEVICE_MEMORY,
    DEVICE_REMOVED = CKR_DEVICE_REMOVED,
    ENCRYPTED_DATA_INVALID = CKR_ENCRYPTED_DATA_INVALID,
    ENCRYPTED_DATA_LEN_RANGE = CKR_ENCRYPTED_DATA_LEN_RANGE,
    AEAD_DECRYPT_FAILED = CKR_AEAD_DECRYPT_FAILED,
    FUNCTION_CANCELED = CKR_FUNCTION_CANCELED,
    FUNCTION_NOT_PARALLEL = CKR_FUNCTION_NOT_PARALLEL,
    FUNCTION_NOT_SUPPORTED = CKR_FUNCTION_NOT_SUPPORTED,
    KEY_HANDLE_INVALID = CKR_KEY_HANDLE_INVALID,
    KEY_SIZE_RANGE = CKR_KEY_SIZE_RANGE,
    KEY_TYPE_INCONSISTENT = CKR_KEY_TYPE_INCONSISTENT,
    KEY_NOT_NEEDED = CKR_KEY_NOT_NEEDED,
    KEY_CHANGED = CKR_KEY_CHANGED,
    KEY_NEEDED = CKR_KEY_NEEDED,
    KEY_INDIGESTIBLE = CKR_KEY_INDIGESTIBLE,
    KEY_FUNCTION_NOT_PERMITTED = CKR_KEY_FUNCTION_NOT_PERMITTED,
    KEY_NOT_WRAPPABLE = CKR_KEY_NOT_WRAPPABLE,
    KEY_UNEXTRACTABLE = CKR_KEY_UNEXTRACTABLE,
    MECHANISM_INVALID = CKR_MECHANISM_INVALID,
    MECHANISM_PARAM_INVALID = CKR_MECHANISM_PARAM_INVALID,
    OBJECT_HANDLE_INVALID = CKR_OBJECT_HANDLE_INVALID,
    OPERATION_ACTIVE = CKR_OPERATION_ACTIVE,
    OPERATION_NOT_INITIALIZED = CKR_OPERATION_NOT_INITIALIZED,
    OPERATION_CANCEL_FAILED = CKR_OPERATION_CANCEL_FAILED,
    PIN_INCORRECT = CKR_PIN_INCORRECT,
    PIN_INVALID = CKR_PIN_INVALID,
    PIN_LEN_RANGE = CKR_PIN_LEN_RANGE,
    PIN_EXPIRED = CKR_PIN_EXPIRED,
    PIN_LOCKED = CKR_PIN_LOCKED,
    SESSION_CLOSED = CKR_SESSION_CLOSED,
    SESSION_COUNT = CKR_SESSION_COUNT,
    SESSION_HANDLE_INVALID = CKR_SESSION_HANDLE_INVALID,
    SESSION_PARALLEL_NOT_SUPPORTED = CKR_SESSION_PARALLEL_NOT_SUPPORTED,
    SESSION_READ_ONLY = CKR_SESSION_READ_ONLY,
    SESSION_EXISTS = CKR_SESSION_EXISTS,
    SESSION_READ_ONLY_EXISTS = CKR_SESSION_READ_ONLY_EXISTS,
    SESSION_READ_WRITE_SO_EXISTS = CKR_SESSION_READ_WRITE_SO_EXISTS,
    SESSION_ASYNC_NOT_SUPPORTED = CKR_SESSION_ASYNC_NOT_SUPPORTED,
    SIGNATURE_INVALID = CKR_SIGNATURE_INVALID,
    SIGNATURE_LEN_RANGE = CKR_SIGNATURE_LEN_RANGE,
    TEMPLATE_INCOMPLETE = CKR_TEMPLATE_INCOMPLETE,
    TEMPLATE_INCONSISTENT = CKR_TEMPLATE_INCONSISTENT,
    TOKEN_NOT_PRESENT = CKR_TOKEN_NOT_PRESENT,
    TOKEN_NOT_RECOGNIZED = CKR_TOKEN_NOT_RECOGNIZED,
    TOKEN_WRITE_PROTECTED = CKR_TOKEN_WRITE_PROTECTED,
    TOKEN_RESOURCE_EXCEEDED = CKR_TOKEN_RESOURCE_EXCEEDED,
    UNWRAPPING_KEY_HANDLE_INVALID = CKR_UNWRAPPING_KEY_HANDLE_INVALID,
    UNWRAPPING_KEY_SIZE_RANGE = CKR_UNWRAPPING_KEY_SIZE_RANGE,
    UNWRAPPING_KEY_TYPE_INCONSISTENT = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
    USER_ALREADY_LOGGED_IN = CKR_USER_ALREADY_LOGGED_IN,
    USER_NOT_LOGGED_IN = CKR_USER_NOT_LOGGED_IN,
    USER_PIN_NOT_INITIALIZED = CKR_USER_PIN_NOT_INITIALIZED,
    USER_TYPE_INVALID = CKR_USER_TYPE_INVALID,
    USER_ANOTHER_ALREADY_LOGGED_IN = CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
    WRAPPED_KEY_INVALID = CKR_WRAPPED_KEY_INVALID,
    WRAPPED_KEY_LEN_RANGE = CKR_WRAPPED_KEY_LEN_RANGE,
    WRAPPING_KEY_HANDLE_INVALID = CKR_WRAPPING_KEY_HANDLE_INVALID,
    WRAPPING_KEY_SIZE_RANGE = CKR_WRAPPING_KEY_SIZE_RANGE,
    WRAPPING_KEY_TYPE_INCONSISTENT = CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
    RANDOM_SEED_NOT_SUPPORTED = CKR_RANDOM_SEED_NOT_SUPPORTED,
    RANDOM_NO_RNG = CKR_RANDOM_NO_RNG,
    DOMAIN_PARAMS_INVALID = CKR_DOMAIN_PARAMS_INVALID,
    CURVE_NOT_SUPPORTED = CKR_CURVE_NOT_SUPPORTED,
    BUFFER_TOO_SMALL = CKR_BUFFER_TOO_SMALL,
    SAVED_STATE_INVALID = CKR_SAVED_STATE_INVALID,
    INFORMATION_SENSITIVE = CKR_INFORMATION_SENSITIVE,
    STATE_UNSAVEABLE = CKR_STATE_UNSAVEABLE,
    CRYPTOKI_NOT_INITIALIZED = CKR_CRYPTOKI_NOT_INITIALIZED,
    CRYPTOKI_ALREADY_INITIALIZED = CKR_CRYPTOKI_ALREADY_INITIALIZED,
    FUNCTION_REJECTED = CKR_FUNCTION_REJECTED,
    PARAMETER_SET_NOT_SUPPORTED = CKR_PARAMETER_SET_NOT_SUPPORTED,
}

/// What says nearly the same, the best first. FUNCTION_FAILED comes after all of them.
fn nearest(rv: CK_RV) -> &'static [CK_RV] {
    match rv {
        // The vault is gone, or the daemon is sealed: in a call that takes a session the token was removed.
        CKR_TOKEN_NOT_PRESENT => &[CKR_DEVICE_REMOVED],
        // A private object is not there for who is not logged in; a search says that the login has ended.
        CKR_USER_NOT_LOGGED_IN => &[CKR_ACTION_PROHIBITED, CKR_OBJECT_HANDLE_INVALID, CKR_PIN_EXPIRED],
        // Between *Init, which names the key, and its use it was deleted, disabled, or the right to it taken away.
        CKR_KEY_HANDLE_INVALID | CKR_OBJECT_HANDLE_INVALID => &[
            CKR_KEY_HANDLE_INVALID,
            CKR_UNWRAPPING_KEY_HANDLE_INVALID,
            CKR_WRAPPING_KEY_HANDLE_INVALID,
            CKR_FUNCTION_REJECTED,
        ],
        CKR_KEY_FUNCTION_NOT_PERMITTED => &[CKR_FUNCTION_REJECTED],
        CKR_ACTION_PROHIBITED => &[CKR_FUNCTION_REJECTED, CKR_TOKEN_WRITE_PROTECTED, CKR_KEY_FUNCTION_NOT_PERMITTED],
        CKR_KEY_SIZE_RANGE => {
            &[CKR_UNWRAPPING_KEY_SIZE_RANGE, CKR_WRAPPING_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID]
        }
        CKR_KEY_TYPE_INCONSISTENT => {
            &[CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT]
        }
        // Named at *Init; at the use it is the vault's profile that refuses.
        CKR_MECHANISM_INVALID | CKR_MECHANISM_PARAM_INVALID => &[CKR_ATTRIBUTE_VALUE_INVALID, CKR_FUNCTION_REJECTED],
        CKR_DATA_LEN_RANGE => {
            &[CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_WRAPPED_KEY_LEN_RANGE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ARGUMENTS_BAD]
        }
        CKR_ENCRYPTED_DATA_INVALID => &[CKR_WRAPPED_KEY_INVALID, CKR_DATA_INVALID],
        CKR_ATTRIBUTE_READ_ONLY | CKR_ATTRIBUTE_VALUE_INVALID => &[CKR_ATTRIBUTE_TYPE_INVALID, CKR_ARGUMENTS_BAD],
        CKR_TEMPLATE_INCOMPLETE | CKR_TEMPLATE_INCONSISTENT => &[CKR_TEMPLATE_INCONSISTENT, CKR_ARGUMENTS_BAD],
        CKR_PIN_INCORRECT | CKR_PIN_LEN_RANGE => &[CKR_PIN_INVALID, CKR_PIN_INCORRECT],
        CKR_USER_PIN_NOT_INITIALIZED => &[CKR_PIN_INCORRECT],
        // A mechanism or its parameter is what NULL was given for.
        CKR_ARGUMENTS_BAD => &[CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID],
        _ => &[],
    }
}

/// The code that a function returns for what is wrong.
pub(super) fn fit(function: &str, rv: CK_RV) -> CK_RV {
    let Some(row) = entry(function) else { return rv };
    let candidates = std::iter::once(&rv).chain(nearest(rv)).copied();
    let mut allowed = candidates.filter(|rv| name(*rv).is_some_and(|name| allows(row, name)));
    allowed.next().unwrap_or(CKR_FUNCTION_FAILED)
}

/// The words of a function or group: what stands behind its name, until the next line that is no continuation.
fn entry(wanted: &str) -> Option<&'static str> {
    let rest = TABLE.match_indices(wanted).find_map(|(at, _)| {
        let starts = at == 0 || TABLE.as_bytes().get(at - 1) == Some(&b'\n');
        let rest = TABLE.get(at + wanted.len()..).unwrap_or_default();
        (starts && rest.starts_with(['(', ' '])).then_some(rest)
    })?;
    let next = rest.match_indices('\n').find(|(at, _)| rest.as_bytes().get(at + 1) != Some(&b' '));
    next.map_or(Some(rest), |(at, _)| rest.get(..at))
}

fn allows(row: &str, code: &str) -> bool {
    let session =
        row.starts_with("(session") && matches!(code, "SESSION_HANDLE_INVALID" | "SESSION_CLOSED" | "DEVICE_REMOVED");
    session
        || matches!(code, "FUNCTION_FAILED" | "GENERAL_ERROR" | "HOST_MEMORY" | "FUNCTION_NOT_SUPPORTED")
        || lists(row, code, MAX_DEPTH)
}

fn lists(row: &str, code: &str, depth: u32) -> bool {
    let group =
        |word: &str| depth > 0 && word.starts_with('%') && entry(word).is_some_and(|row| lists(row, code, depth - 1));
    row.split_ascii_whitespace().any(|word| word == code || group(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function of the table.
    fn functions() -> impl Iterator<Item = &'static str> {
        TABLE.lines().filter(|line| line.starts_with("C_")).filter_map(|line| line.split('(').next())
    }

    #[test]
    fn every_word_of_the_table_is_a_code_or_a_group() {
        assert_eq!(functions().count(), 104);
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let words = line.split_ascii_whitespace().filter(|word| !word.starts_with("C_"));
            // Not among those that the module can return: so says the standard, and nothing here makes them.
            let others = ["CANT_LOCK", "NEED_TO_CREATE_THREADS", "PENDING", "USER_TOO_MANY_TYPES"];
            for word in words.filter(|word| !others.contains(word)) {
                match word.starts_with('%') {
                    true => assert!(entry(word).is_some(), "{word}"),
                    false => assert!(CODES.iter().any(|(name, _)| *name == word), "{word}"),
                }
            }
        }
    }

    #[test]
    fn no_code_escapes_from_a_function_that_does_not_list_it() {
        for function in functions() {
            let row = entry(function).unwrap();
            for (_, rv) in CODES.iter().filter(|(_, rv)| *rv != CKR_OK) {
                let fitted = fit(function, *rv);
                assert!(allows(row, name(fitted).unwrap()), "{function} returns {fitted:#x} for {rv:#x}");
                assert_eq!(fit(function, fitted), fitted);
            }
            assert_eq!(fit(function, CKR_VENDOR_DEFINED), CKR_FUNCTION_FAILED);
        }
    }

    #[test]
    fn what_says_nearly_the_same() {
        for (function, rv, fitted) in [
            ("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_PRESENT),
            ("C_Sign", CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_REMOVED),
            ("C_GetSlotList", CKR_TOKEN_NOT_PRESENT, CKR_FUNCTION_FAILED),
            ("C_Sign", CKR_DEVICE_ERROR, CKR_DEVICE_ERROR),
            ("C_Sign", CKR_KEY_HANDLE_INVALID, CKR_FUNCTION_REJECTED),
            ("C_SignInit", CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID),
            ("C_Decrypt", CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN),
            ("C_FindObjectsInit", CKR_USER_NOT_LOGGED_IN, CKR_PIN_EXPIRED),
            ("C_GetAttributeValue", CKR_USER_NOT_LOGGED_IN, CKR_OBJECT_HANDLE_INVALID),
            ("C_EncryptInit", CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID),
            ("C_GenerateKeyPair", CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID),
            ("C_GenerateKeyPair", CKR_ACTION_PROHIBITED, CKR_TOKEN_WRITE_PROTECTED),
            ("C_InitPIN", CKR_PIN_LEN_RANGE, CKR_PIN_LEN_RANGE),
            ("no function", CKR_PIN_LEN_RANGE, CKR_PIN_LEN_RANGE),
        ] {
            assert_eq!(fit(function, rv), fitted, "{function} {rv:#x}");
        }
    }
}
