//! TABLE: the attributes of SoftHSM2's objects that have a meaning here (PKCS#11 3.2 chapter 4), and the few of its own.

/// `CKA_CLASS`.
pub const CLASS: u64 = 0x0;
/// `CKA_PRIVATE`.
pub const PRIVATE: u64 = 0x2;
/// `CKA_LABEL`.
pub const LABEL: u64 = 0x3;
/// `CKA_APPLICATION`.
pub const APPLICATION: u64 = 0x10;
/// `CKA_VALUE`.
pub const VALUE: u64 = 0x11;
/// `CKA_KEY_TYPE`.
pub const KEY_TYPE: u64 = 0x100;
/// `CKA_ID`.
pub const ID: u64 = 0x102;
/// `CKA_MODULUS`.
pub const MODULUS: u64 = 0x120;
/// `CKA_PUBLIC_KEY_INFO`.
pub const PUBLIC_KEY_INFO: u64 = 0x129;
/// `CKA_EC_PARAMS`.
pub const EC_PARAMS: u64 = 0x180;
/// `CKA_EC_POINT`.
pub const EC_POINT: u64 = 0x181;

/// What of an object is written again: everything that an application may say of a new one.
pub const KEPT: [u64; 48] = [
    CLASS,
    0x1, // CKA_TOKEN
    PRIVATE,
    LABEL,
    APPLICATION,
    VALUE,
    0x12, // CKA_OBJECT_ID
    0x80, // CKA_CERTIFICATE_TYPE
    0x81, // CKA_ISSUER
    0x82, // CKA_SERIAL_NUMBER
    0x87, // CKA_CERTIFICATE_CATEGORY
    0x89, // CKA_URL
    KEY_TYPE,
    0x101, // CKA_SUBJECT
    ID,
    0x103, // CKA_SENSITIVE
    0x104, // CKA_ENCRYPT
    0x105, // CKA_DECRYPT
    0x106, // CKA_WRAP
    0x107, // CKA_UNWRAP
    0x108, // CKA_SIGN
    0x109, // CKA_SIGN_RECOVER
    0x10a, // CKA_VERIFY
    0x10b, // CKA_VERIFY_RECOVER
    0x10c, // CKA_DERIVE
    0x110, // CKA_START_DATE
    0x111, // CKA_END_DATE
    MODULUS,
    0x122, // CKA_PUBLIC_EXPONENT
    0x123, // CKA_PRIVATE_EXPONENT
    0x124, // CKA_PRIME_1
    0x125, // CKA_PRIME_2
    0x126, // CKA_EXPONENT_1
    0x127, // CKA_EXPONENT_2
    0x128, // CKA_COEFFICIENT
    PUBLIC_KEY_INFO,
    0x130, // CKA_PRIME
    0x132, // CKA_BASE
    0x162, // CKA_EXTRACTABLE
    0x170, // CKA_MODIFIABLE
    0x171, // CKA_COPYABLE
    0x172, // CKA_DESTROYABLE
    EC_PARAMS,
    EC_POINT,
    0x202,       // CKA_ALWAYS_AUTHENTICATE
    0x210,       // CKA_WRAP_WITH_TRUSTED
    0x4000_0600, // CKA_ALLOWED_MECHANISMS
    0x160,       // CKA_VALUE_BITS
];

/// What is not written again although it says something: flags that only the security officer or the token itself gives, and rules
/// about other keys' templates.
pub const LEFT_BEHIND: [(u64, &str); 4] = [
    (0x86, "CKA_TRUSTED: the security officer sets it"),
    (0x4000_0211, "CKA_WRAP_TEMPLATE"),
    (0x4000_0212, "CKA_UNWRAP_TEMPLATE"),
    (0x4000_0213, "CKA_DERIVE_TEMPLATE"),
];

/// `CKO_DATA`.
pub const DATA: u64 = 0;
/// `CKO_CERTIFICATE`.
pub const CERTIFICATE: u64 = 1;
/// `CKO_PUBLIC_KEY`.
pub const PUBLIC_KEY: u64 = 2;
/// `CKO_PRIVATE_KEY`.
pub const PRIVATE_KEY: u64 = 3;
/// `CKO_SECRET_KEY`.
pub const SECRET_KEY: u64 = 4;

/// Key types by number, as people call them; `false` for those that a vault does not take.
pub const KEY_TYPES: [(u64, &str, bool); 14] = [
    (0x0, "RSA", true),
    (0x1, "DSA", false),
    (0x2, "DH", true),
    (0x3, "EC", true),
    (0x10, "generic secret", true),
    (0x13, "DES", false),
    (0x14, "2-key Triple DES", false),
    (0x15, "Triple DES", false),
    (0x1f, "AES", true),
    (0x28, "HMAC", true),
    (0x2b, "HMAC", true),
    (0x30, "GOST R 34.10", false),
    (0x40, "Edwards", true),
    (0x41, "Montgomery", true),
];

/// A token's own: its label.
pub const TOKEN_LABEL: u64 = 0x8000_5349;
/// A token's own: its serial number.
pub const TOKEN_SERIAL: u64 = 0x8000_534a;
/// A token's own: the key of its private objects, under the user PIN.
pub const TOKEN_USER_PIN: u64 = 0x8000_534d;
