//! TABLE: what may be done with a key: the schemes of both backends, and the operations of Key Vault. The algorithms by
//! their JOSE names, hashes, curves, parameter sets and key types are in `algorithm/`.

mod curve;
mod hash;
mod jose;
mod key_type;
mod lattice;

pub use curve::{Curve, EdwardsCurve, MontgomeryCurve, is_canonical_448};
pub use hash::Hash;
pub use jose::{
    CBC_IV_BYTES, GCM_IV_BYTES, GCM_TAG_BYTES, JOSE_ENCRYPTIONS, JOSE_SIGNATURES, JoseCipher, JoseEncryption,
    JoseSignature, JoseSigning, jose_encryption, jose_signature,
};
pub use key_type::{KeyType, SecretKind};
pub use lattice::{MlDsaSet, MlKemSet};

/// How a signature is made from what the caller sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SignScheme {
    /// RSASSA-PKCS1-v1_5 over a digest of this hash (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
    /// PKCS#1 v1.5 padding of the caller's own bytes, usually a DigestInfo (CKM_RSA_PKCS).
    RsaPkcs1Raw,
    /// The bare RSA operation on a block as long as the modulus (CKM_RSA_X_509).
    RsaRaw,
    /// RSASSA-PSS over a digest (RFC 8017 section 8.1).
    RsaPss {
        /// The hash of the message.
        hash: Hash,
        /// The hash inside MGF1.
        mgf: Hash,
        /// The salt's length.
        salt_len_bytes: usize,
    },
    /// ECDSA over a digest of any length, truncated as FIPS 186-5 section 6.4.1 says; r‖s.
    Ecdsa,
    /// EdDSA (RFC 8032): Ed25519 and Ed448 over the message, or Ed25519ph and Ed448ph over its 64-byte prehash.
    EdDsa {
        /// Up to 255 bytes. `None` is not the same as none of them: Ed25519 without a context is not Ed25519ctx.
        context: Option<Vec<u8>>,
        /// Whether the input is the prehash: SHA-512 of the message for Ed25519, SHAKE256 of it for Ed448.
        prehashed: bool,
    },
    /// ML-DSA over the 64-byte mu (FIPS 204 algorithm 7, line 6), into which the caller has hashed public key, context
    /// and message: a message of any length needs to go nowhere.
    MlDsaMu {
        /// Without fresh random (FIPS 204 section 3.4). Verification does not ask.
        deterministic: bool,
    },
}

/// How a ciphertext is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EncryptScheme {
    /// RSAES-OAEP (RFC 8017 section 7.1).
    RsaOaep {
        /// The hash of the label.
        hash: Hash,
        /// The hash inside MGF1.
        mgf: Hash,
        /// Usually empty.
        label: Vec<u8>,
    },
    /// RSAES-PKCS1-v1_5 (RFC 8017 section 7.2). Decryption rejects implicitly: a bad padding gives bytes, not an error.
    RsaPkcs1,
    /// The bare RSA operation on a block as long as the modulus (CKM_RSA_X_509).
    RsaRaw,
}

/// What a key may be used for: JWK `key_ops` as Key Vault has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum KeyOperation {
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    WrapKey,
    UnwrapKey,
    Import,
}

impl KeyOperation {
    /// Every operation, in Key Vault's order.
    pub const ALL: [KeyOperation; 7] = [
        KeyOperation::Encrypt,
        KeyOperation::Decrypt,
        KeyOperation::Sign,
        KeyOperation::Verify,
        KeyOperation::WrapKey,
        KeyOperation::UnwrapKey,
        KeyOperation::Import,
    ];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            KeyOperation::Sign => "sign",
            KeyOperation::Verify => "verify",
            KeyOperation::Encrypt => "encrypt",
            KeyOperation::Decrypt => "decrypt",
            KeyOperation::WrapKey => "wrapKey",
            KeyOperation::UnwrapKey => "unwrapKey",
            KeyOperation::Import => "import",
        }
    }

    /// The operation of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// What a new key may do when nobody says: Key Vault's defaults, and for types it has not, all that they can. To
    /// derive and to encapsulate are no operations of Key Vault.
    pub fn defaults(key_type: KeyType) -> Vec<KeyOperation> {
        use KeyOperation::{Decrypt, Encrypt, Sign, UnwrapKey, Verify, WrapKey};
        match key_type {
            KeyType::Rsa(_) => vec![Encrypt, Decrypt, Sign, Verify, WrapKey, UnwrapKey],
            KeyType::Ec(_) | KeyType::Edwards(_) | KeyType::MlDsa(_) => vec![Sign, Verify],
            KeyType::Montgomery(_) | KeyType::Dh(_) | KeyType::MlKem(_) => vec![],
            KeyType::Secret(SecretKind::Aes | SecretKind::ChaCha20, _) => vec![Encrypt, Decrypt, WrapKey, UnwrapKey],
            KeyType::Secret(SecretKind::Generic | SecretKind::Hmac(_), _) => vec![Sign, Verify],
        }
    }
}
