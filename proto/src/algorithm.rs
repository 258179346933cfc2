//! TABLE: algorithms by their JOSE names (RFC 7518), and the key types and operations of Key Vault.

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Every hash.
    pub const ALL: [Hash; 5] = [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512];

    /// The digest's length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha224 => 28,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }

    /// The DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
    pub const fn digest_info_prefix(self) -> &'static [u8] {
        match self {
            Hash::Sha1 => &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
            Hash::Sha224 => &[
                0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00,
                0x04, 0x1c,
            ],
            Hash::Sha256 => &[
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
                0x04, 0x20,
            ],
            Hash::Sha384 => &[
                0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
                0x04, 0x30,
            ],
            Hash::Sha512 => &[
                0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00,
                0x04, 0x40,
            ],
        }
    }
}

/// An elliptic curve of FIPS 186-5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    /// The JWK name (RFC 7518 section 6.2.1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    /// The curve of a JWK name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a field element, and of r and of s in a signature.
    pub const fn width_bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The order's length in bits: CK_MECHANISM_INFO counts keys so.
    pub const fn bits(self) -> u32 {
        match self {
            Curve::P256 => 256,
            Curve::P384 => 384,
            Curve::P521 => 521,
        }
    }

    /// The curve's OBJECT IDENTIFIER, DER with tag and length (CKA_EC_PARAMS).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }
}

/// The type of a key and its size, without the `-HSM` ending (which says where Key Vault would keep it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA with a modulus of so many bits.
    Rsa(u32),
    /// An elliptic curve key.
    Ec(Curve),
}

/// How a signature is made from what the caller sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

/// One JOSE signature algorithm.
pub struct JoseSignature {
    /// RFC 7518 section 3.1.
    pub name: &'static str,
    /// The hash of the message.
    pub hash: Hash,
    /// What is done with the digest.
    pub scheme: SignScheme,
    /// The only curve, for ECDSA.
    pub curve: Option<Curve>,
}

const fn pss(hash: Hash) -> SignScheme {
    SignScheme::RsaPss { hash, mgf: hash, salt_len_bytes: hash.len() }
}

/// The JOSE signature algorithms.
pub const JOSE_SIGNATURES: [JoseSignature; 9] = [
    JoseSignature { name: "RS256", hash: Hash::Sha256, scheme: SignScheme::RsaPkcs1(Hash::Sha256), curve: None },
    JoseSignature { name: "RS384", hash: Hash::Sha384, scheme: SignScheme::RsaPkcs1(Hash::Sha384), curve: None },
    JoseSignature { name: "RS512", hash: Hash::Sha512, scheme: SignScheme::RsaPkcs1(Hash::Sha512), curve: None },
    JoseSignature { name: "PS256", hash: Hash::Sha256, scheme: pss(Hash::Sha256), curve: None },
    JoseSignature { name: "PS384", hash: Hash::Sha384, scheme: pss(Hash::Sha384), curve: None },
    JoseSignature { name: "PS512", hash: Hash::Sha512, scheme: pss(Hash::Sha512), curve: None },
    JoseSignature { name: "ES256", hash: Hash::Sha256, scheme: SignScheme::Ecdsa, curve: Some(Curve::P256) },
    JoseSignature { name: "ES384", hash: Hash::Sha384, scheme: SignScheme::Ecdsa, curve: Some(Curve::P384) },
    JoseSignature { name: "ES512", hash: Hash::Sha512, scheme: SignScheme::Ecdsa, curve: Some(Curve::P521) },
];

/// The JOSE encryption algorithms by name.
pub fn jose_encryption(name: &str) -> Option<EncryptScheme> {
    let hash = match name {
        "RSA-OAEP" => Hash::Sha1,
        "RSA-OAEP-256" => Hash::Sha256,
        _ => return None,
    };
    Some(EncryptScheme::RsaOaep { hash, mgf: hash, label: Vec::new() })
}

/// The JOSE signature algorithm of a name.
pub fn jose_signature(name: &str) -> Option<&'static JoseSignature> {
    JOSE_SIGNATURES.iter().find(|row| row.name == name)
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

    /// What a new key may do when nobody says (Key Vault's defaults).
    pub fn defaults(key_type: KeyType) -> Vec<KeyOperation> {
        use KeyOperation::{Decrypt, Encrypt, Sign, UnwrapKey, Verify, WrapKey};
        match key_type {
            KeyType::Rsa(_) => vec![Encrypt, Decrypt, Sign, Verify, WrapKey, UnwrapKey],
            KeyType::Ec(_) => vec![Sign, Verify],
        }
    }
}
