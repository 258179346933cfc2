//! Every limit that the daemon and its clients share, each with its reason.

/// The largest gRPC message. A key with a chain and attributes stays far below; more is a mistake or an attack.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// The largest input of one cryptographic operation. RSA and ECDSA need less than 2 KiB; the rest is for whole messages of Ed25519 later.
pub const MAX_CRYPTO_INPUT_BYTES: usize = 1024 * 1024;

/// Vault names are DNS labels of Key Vault hosts: 3 to 24 characters.
pub const MIN_VAULT_NAME_LEN: usize = 3;
/// See [`MIN_VAULT_NAME_LEN`].
pub const MAX_VAULT_NAME_LEN: usize = 24;

/// Key Vault's limit for object names.
pub const MAX_KEY_NAME_LEN: usize = 127;

/// Key Vault's limit for a secret's value: 25 KiB.
pub const MAX_SECRET_VALUE_BYTES: usize = 25 * 1024;

/// Key Vault's limit for the words that say what a secret's value is.
pub const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// PKCS#11 labels: OpenSSH gives up on a token that shows one over 255.
pub const MAX_LABEL_BYTES: usize = 255;

/// One attribute of an object (a certificate is the largest thing seen in practice).
pub const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;

/// Attributes in one template.
pub const MAX_TEMPLATE_ATTRIBUTES: usize = 128;

/// PINs: PKCS#11 leaves it open; Argon2 needs a bound.
pub const MAX_PIN_BYTES: usize = 255;
/// The `standard` profile's shortest PIN.
pub const MIN_PIN_BYTES_STANDARD: usize = 4;
/// The `strict` profile's shortest PIN.
pub const MIN_PIN_BYTES_STRICT: usize = 8;

/// Wrong PINs from one peer before it is locked out of a vault.
pub const MAX_PIN_FAILURES: u32 = 10;

/// Passphrases of a seal slot.
pub const MAX_PASSPHRASE_BYTES: usize = 1024;

/// Objects in one answer of the daemon to the module; more come in pages.
pub const MAX_OBJECTS_PER_REPLY: usize = 512;

/// Items in one page of a gRPC list (Key Vault's own limit is 25; AIP-158 lets the server choose).
pub const MAX_PAGE_SIZE: usize = 1000;

/// Requests one module connection may have in flight; more wait in the socket.
pub const MAX_IN_FLIGHT_PER_CONNECTION: usize = 4096;

/// Operations in one `Crypto.Batch`.
pub const MAX_BATCH: usize = 256;

/// Operations of one `Crypto.Pipeline` under way at once; the next are read when one is done. Each may hold
/// [`MAX_CRYPTO_INPUT_BYTES`].
pub const MAX_PIPELINE_IN_FLIGHT: usize = 64;

/// Bytes of random in one call.
pub const MAX_RANDOM_BYTES: usize = 4096;

/// Idempotency keys.
pub const MAX_REQUEST_ID_BYTES: usize = 64;

/// The group that Azure's paths have for a vault that is in none. No group may be called so, or its roles would seem to reach those
/// vaults.
pub const NO_GROUP: &str = "softkeep";

/// Tags on a vault or key: Key Vault allows 15, each name and value up to 256.
pub const MAX_TAGS: usize = 15;
/// See [`MAX_TAGS`].
pub const MAX_TAG_BYTES: usize = 256;

/// RSA keys below this are refused (NIST SP 800-131A).
pub const MIN_RSA_BITS: u32 = 2048;
/// RSA keys above this take minutes to make and seconds to use. Key Vault stops at 4096; its doors do too.
pub const MAX_RSA_BITS: u32 = 8192;
/// The sizes between are multiples of this: what other programs make, and no modulus with a ragged first byte.
pub const RSA_BITS_STEP: u32 = 256;

/// Diffie-Hellman primes below this are refused (NIST SP 800-56A revision 3); RFC 7919 has none above the other.
pub const MIN_DH_BITS: u32 = 2048;
/// See [`MIN_DH_BITS`].
pub const MAX_DH_BITS: u32 = 8192;

/// The longest generic secret or HMAC key.
pub const MAX_SECRET_BYTES: usize = 4096;

/// What the module gathers of a message that cannot be worked on in parts (AEAD, EdDSA) before the one call that sends it.
pub const MAX_GATHERED_BYTES: usize = 1024 * 1024;

/// One part of a message that can be worked on in parts; the module cuts longer ones.
pub const MAX_PART_BYTES: usize = 512 * 1024;

/// A session object in its sealed form: a large certificate or data object with all attributes.
pub const MAX_SEALED_OBJECT_BYTES: usize = 256 * 1024;

/// How long a call of the module waits for the daemon, reconnecting meanwhile.
pub const MODULE_CALL_TIMEOUT_MS: u64 = 15_000;

/// How much longer the module waits for the answer to a request that reached a daemon and makes a key or derives one from a password: an
/// RSA-8192 pair takes half a minute on a machine that has other things to do. Connecting has no more time than for any call.
pub const MODULE_GENERATION_TIMEOUT_MS: u64 = 180_000;
