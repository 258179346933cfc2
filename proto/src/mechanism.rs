//! TABLE: the PKCS#11 mechanisms (PKCS#11 3.2 section 6): what each does, what it hashes with, which parameter it takes,
//! what it may be used for, and which keys fit. The module lists them, the daemon runs them; both read this.

use cryptoki_sys as ck;

use crate::{
    algorithm::Hash,
    limits::{MAX_RSA_BITS, MIN_RSA_BITS},
};

/// What a mechanism does, whatever it hashes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Family {
    // Key pairs
    RsaKeyPair,
    EcKeyPair,
    EdwardsKeyPair,
    MontgomeryKeyPair,
    DhKeyPair,
    MlDsaKeyPair,
    MlKemKeyPair,
    // Secret keys
    AesKey,
    ChaCha20Key,
    GenericKey,
    /// A key for HMAC with the row's hash.
    HmacKey,
    HkdfKey,
    // RSA
    RsaPkcs,
    RsaX509,
    RsaPss,
    RsaOaep,
    RsaAesWrap,
    // Elliptic curves
    Ecdsa,
    EdDsa,
    Ecdh,
    EcdhAesWrap,
    // The field's older and newer key agreements
    Dh,
    MlKem,
    MlDsa,
    /// The message's hash is signed (HashML-DSA), by the row's hash or, without one, the parameter's.
    HashMlDsa,
    // AES
    AesEcb,
    AesCbc,
    AesCbcPad,
    AesCtr,
    AesGcm,
    AesCcm,
    AesKeyWrap,
    AesKeyWrapPad,
    AesKeyWrapKwp,
    AesCmac,
    AesCmacGeneral,
    AesGmac,
    AesEcbEncryptData,
    AesCbcEncryptData,
    ChaCha20,
    ChaCha20Poly1305,
    // Hashes
    Digest,
    Hmac,
    HmacGeneral,
    // Derivation
    Hkdf,
    HkdfData,
    Pbkdf2,
    CounterKdf,
    FeedbackKdf,
    DoublePipelineKdf,
    ConcatenateBaseAndKey,
    ConcatenateBaseAndData,
    ConcatenateDataAndBase,
    XorBaseAndData,
    ExtractKey,
    /// The digest of a key as a key.
    HashDerive,
}

/// The parameter that a mechanism takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ParameterKind {
    None,
    RsaPss,
    RsaOaep,
    RsaAesWrap,
    /// Nothing, or CK_EDDSA_PARAMS.
    OptionalEdDsa,
    /// Nothing, or CK_SIGN_ADDITIONAL_CONTEXT.
    OptionalSignContext,
    /// CK_HASH_SIGN_ADDITIONAL_CONTEXT.
    HashSignContext,
    Ecdh,
    EcdhAesWrap,
    /// The other side's public value.
    DhPublic,
    /// So many bytes.
    Iv(usize),
    /// Nothing, or so many bytes.
    OptionalIv(usize),
    Ctr,
    Gcm,
    Ccm,
    /// The nonce as bytes, or CK_GCM_PARAMS.
    Gmac,
    ChaCha20,
    ChaCha20Poly1305,
    MacLength,
    Hkdf,
    Pbkdf2,
    CounterKdf,
    FeedbackKdf,
    KeyHandle,
    Data,
    CbcData,
    FirstBit,
}

/// One mechanism.
#[derive(Debug)]
pub struct Row {
    /// CKM_*.
    pub mechanism: u64,
    /// Its name in PKCS#11.
    pub name: &'static str,
    /// What it does.
    pub family: Family,
    /// What it hashes with. For signatures the module hashes the message; for HMAC, key generation and derivation it says which.
    pub hash: Option<Hash>,
    /// CKF_* of CK_MECHANISM_INFO.
    pub flags: u64,
}

const SIGN: u64 = ck::CKF_SIGN | ck::CKF_VERIFY | ck::CKF_MESSAGE_SIGN | ck::CKF_MESSAGE_VERIFY;
const RECOVER: u64 = ck::CKF_SIGN_RECOVER | ck::CKF_VERIFY_RECOVER;
const MAC: u64 = ck::CKF_SIGN | ck::CKF_VERIFY;
const CRYPT: u64 = ck::CKF_ENCRYPT | ck::CKF_DECRYPT;
const AEAD: u64 = CRYPT | ck::CKF_MESSAGE_ENCRYPT | ck::CKF_MESSAGE_DECRYPT | ck::CKF_MULTI_MESSAGE;
const WRAP: u64 = ck::CKF_WRAP | ck::CKF_UNWRAP;
const PAIR: u64 = ck::CKF_GENERATE_KEY_PAIR;
const GENERATE: u64 = ck::CKF_GENERATE;
const DERIVE: u64 = ck::CKF_DERIVE;
const KEM: u64 = ck::CKF_ENCAPSULATE | ck::CKF_DECAPSULATE;
const EC: u64 = ck::CKF_EC_F_P | ck::CKF_EC_OID | ck::CKF_EC_UNCOMPRESS;
const EC_NAMED: u64 = ck::CKF_EC_F_P | ck::CKF_EC_OID | ck::CKF_EC_CURVENAME;

macro_rules! rows {
    ($($mechanism:ident $family:ident $hash:expr, $flags:expr;)*) => {
        &[$(Row {
            mechanism: ck::$mechanism,
            name: stringify!($mechanism),
            family: Family::$family,
            hash: $hash,
            flags: $flags,
        },)*]
    };
}

/// Every mechanism, in the order C_GetMechanismList shows them.
pub const TABLE: &[Row] = {
    use Hash::{Sha1, Sha3_224, Sha3_256, Sha3_384, Sha3_512, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
    rows! {
        CKM_RSA_PKCS_KEY_PAIR_GEN RsaKeyPair None, PAIR;
        CKM_RSA_PKCS RsaPkcs None, SIGN | RECOVER | CRYPT | WRAP;
        CKM_RSA_X_509 RsaX509 None, SIGN | RECOVER | CRYPT;
        CKM_RSA_PKCS_OAEP RsaOaep None, CRYPT | WRAP;
        CKM_RSA_AES_KEY_WRAP RsaAesWrap None, WRAP;
        CKM_RSA_PKCS_PSS RsaPss None, SIGN;
        CKM_SHA1_RSA_PKCS RsaPkcs Some(Sha1), SIGN;
        CKM_SHA224_RSA_PKCS RsaPkcs Some(Sha224), SIGN;
        CKM_SHA256_RSA_PKCS RsaPkcs Some(Sha256), SIGN;
        CKM_SHA384_RSA_PKCS RsaPkcs Some(Sha384), SIGN;
        CKM_SHA512_RSA_PKCS RsaPkcs Some(Sha512), SIGN;
        CKM_SHA3_224_RSA_PKCS RsaPkcs Some(Sha3_224), SIGN;
        CKM_SHA3_256_RSA_PKCS RsaPkcs Some(Sha3_256), SIGN;
        CKM_SHA3_384_RSA_PKCS RsaPkcs Some(Sha3_384), SIGN;
        CKM_SHA3_512_RSA_PKCS RsaPkcs Some(Sha3_512), SIGN;
        CKM_SHA1_RSA_PKCS_PSS RsaPss Some(Sha1), SIGN;
        CKM_SHA224_RSA_PKCS_PSS RsaPss Some(Sha224), SIGN;
        CKM_SHA256_RSA_PKCS_PSS RsaPss Some(Sha256), SIGN;
        CKM_SHA384_RSA_PKCS_PSS RsaPss Some(Sha384), SIGN;
        CKM_SHA512_RSA_PKCS_PSS RsaPss Some(Sha512), SIGN;
        CKM_SHA3_224_RSA_PKCS_PSS RsaPss Some(Sha3_224), SIGN;
        CKM_SHA3_256_RSA_PKCS_PSS RsaPss Some(Sha3_256), SIGN;
        CKM_SHA3_384_RSA_PKCS_PSS RsaPss Some(Sha3_384), SIGN;
        CKM_SHA3_512_RSA_PKCS_PSS RsaPss Some(Sha3_512), SIGN;
        CKM_EC_KEY_PAIR_GEN EcKeyPair None, PAIR | EC;
        CKM_ECDSA Ecdsa None, SIGN | EC;
        CKM_ECDSA_SHA1 Ecdsa Some(Sha1), SIGN | EC;
        CKM_ECDSA_SHA224 Ecdsa Some(Sha224), SIGN | EC;
        CKM_ECDSA_SHA256 Ecdsa Some(Sha256), SIGN | EC;
        CKM_ECDSA_SHA384 Ecdsa Some(Sha384), SIGN | EC;
        CKM_ECDSA_SHA512 Ecdsa Some(Sha512), SIGN | EC;
        CKM_ECDSA_SHA3_224 Ecdsa Some(Sha3_224), SIGN | EC;
        CKM_ECDSA_SHA3_256 Ecdsa Some(Sha3_256), SIGN | EC;
        CKM_ECDSA_SHA3_384 Ecdsa Some(Sha3_384), SIGN | EC;
        CKM_ECDSA_SHA3_512 Ecdsa Some(Sha3_512), SIGN | EC;
        CKM_ECDH1_DERIVE Ecdh None, DERIVE | EC;
        CKM_ECDH1_COFACTOR_DERIVE Ecdh None, DERIVE | EC;
        CKM_ECDH_AES_KEY_WRAP EcdhAesWrap None, WRAP | EC;
        CKM_EC_EDWARDS_KEY_PAIR_GEN EdwardsKeyPair None, PAIR | EC_NAMED;
        CKM_EDDSA EdDsa None, SIGN | EC_NAMED;
        CKM_EC_MONTGOMERY_KEY_PAIR_GEN MontgomeryKeyPair None, PAIR | EC_NAMED;
        CKM_DH_PKCS_KEY_PAIR_GEN DhKeyPair None, PAIR;
        CKM_DH_PKCS_DERIVE Dh None, DERIVE;
        CKM_ML_DSA_KEY_PAIR_GEN MlDsaKeyPair None, PAIR;
        CKM_ML_DSA MlDsa None, SIGN;
        CKM_HASH_ML_DSA HashMlDsa None, SIGN;
        CKM_HASH_ML_DSA_SHA224 HashMlDsa Some(Sha224), SIGN;
        CKM_HASH_ML_DSA_SHA256 HashMlDsa Some(Sha256), SIGN;
        CKM_HASH_ML_DSA_SHA384 HashMlDsa Some(Sha384), SIGN;
        CKM_HASH_ML_DSA_SHA512 HashMlDsa Some(Sha512), SIGN;
        CKM_HASH_ML_DSA_SHA3_224 HashMlDsa Some(Sha3_224), SIGN;
        CKM_HASH_ML_DSA_SHA3_256 HashMlDsa Some(Sha3_256), SIGN;
        CKM_HASH_ML_DSA_SHA3_384 HashMlDsa Some(Sha3_384), SIGN;
        CKM_HASH_ML_DSA_SHA3_512 HashMlDsa Some(Sha3_512), SIGN;
        CKM_ML_KEM_KEY_PAIR_GEN MlKemKeyPair None, PAIR;
        CKM_ML_KEM MlKem None, KEM;
        CKM_AES_KEY_GEN AesKey None, GENERATE;
        CKM_AES_ECB AesEcb None, CRYPT | WRAP;
        CKM_AES_CBC AesCbc None, CRYPT | WRAP;
        CKM_AES_CBC_PAD AesCbcPad None, CRYPT | WRAP;
        CKM_AES_CTR AesCtr None, CRYPT;
        CKM_AES_GCM AesGcm None, AEAD | WRAP;
        CKM_AES_CCM AesCcm None, AEAD | WRAP;
        CKM_AES_KEY_WRAP AesKeyWrap None, CRYPT | WRAP;
        CKM_AES_KEY_WRAP_PAD AesKeyWrapPad None, CRYPT | WRAP;
        CKM_AES_KEY_WRAP_KWP AesKeyWrapKwp None, CRYPT | WRAP;
        CKM_AES_CMAC AesCmac None, MAC;
        CKM_AES_CMAC_GENERAL AesCmacGeneral None, MAC;
        CKM_AES_GMAC AesGmac None, MAC;
        CKM_AES_ECB_ENCRYPT_DATA AesEcbEncryptData None, DERIVE;
        CKM_AES_CBC_ENCRYPT_DATA AesCbcEncryptData None, DERIVE;
        CKM_CHACHA20_KEY_GEN ChaCha20Key None, GENERATE;
        CKM_CHACHA20 ChaCha20 None, CRYPT;
        CKM_CHACHA20_POLY1305 ChaCha20Poly1305 None, AEAD;
        CKM_GENERIC_SECRET_KEY_GEN GenericKey None, GENERATE;
        CKM_SHA_1_KEY_GEN HmacKey Some(Sha1), GENERATE;
        CKM_SHA224_KEY_GEN HmacKey Some(Sha224), GENERATE;
        CKM_SHA256_KEY_GEN HmacKey Some(Sha256), GENERATE;
        CKM_SHA384_KEY_GEN HmacKey Some(Sha384), GENERATE;
        CKM_SHA512_KEY_GEN HmacKey Some(Sha512), GENERATE;
        CKM_SHA512_224_KEY_GEN HmacKey Some(Sha512_224), GENERATE;
        CKM_SHA512_256_KEY_GEN HmacKey Some(Sha512_256), GENERATE;
        CKM_SHA3_224_KEY_GEN HmacKey Some(Sha3_224), GENERATE;
        CKM_SHA3_256_KEY_GEN HmacKey Some(Sha3_256), GENERATE;
        CKM_SHA3_384_KEY_GEN HmacKey Some(Sha3_384), GENERATE;
        CKM_SHA3_512_KEY_GEN HmacKey Some(Sha3_512), GENERATE;
        CKM_SHA_1_HMAC Hmac Some(Sha1), MAC;
        CKM_SHA224_HMAC Hmac Some(Sha224), MAC;
        CKM_SHA256_HMAC Hmac Some(Sha256), MAC;
        CKM_SHA384_HMAC Hmac Some(Sha384), MAC;
        CKM_SHA512_HMAC Hmac Some(Sha512), MAC;
        CKM_SHA512_224_HMAC Hmac Some(Sha512_224), MAC;
        CKM_SHA512_256_HMAC Hmac Some(Sha512_256), MAC;
        CKM_SHA3_224_HMAC Hmac Some(Sha3_224), MAC;
        CKM_SHA3_256_HMAC Hmac Some(Sha3_256), MAC;
        CKM_SHA3_384_HMAC Hmac Some(Sha3_384), MAC;
        CKM_SHA3_512_HMAC Hmac Some(Sha3_512), MAC;
        CKM_SHA_1_HMAC_GENERAL HmacGeneral Some(Sha1), MAC;
        CKM_SHA224_HMAC_GENERAL HmacGeneral Some(Sha224), MAC;
        CKM_SHA256_HMAC_GENERAL HmacGeneral Some(Sha256), MAC;
        CKM_SHA384_HMAC_GENERAL HmacGeneral Some(Sha384), MAC;
        CKM_SHA512_HMAC_GENERAL HmacGeneral Some(Sha512), MAC;
        CKM_SHA512_224_HMAC_GENERAL HmacGeneral Some(Sha512_224), MAC;
        CKM_SHA512_256_HMAC_GENERAL HmacGeneral Some(Sha512_256), MAC;
        CKM_SHA3_224_HMAC_GENERAL HmacGeneral Some(Sha3_224), MAC;
        CKM_SHA3_256_HMAC_GENERAL HmacGeneral Some(Sha3_256), MAC;
        CKM_SHA3_384_HMAC_GENERAL HmacGeneral Some(Sha3_384), MAC;
        CKM_SHA3_512_HMAC_GENERAL HmacGeneral Some(Sha3_512), MAC;
        CKM_HKDF_KEY_GEN HkdfKey None, GENERATE;
        CKM_HKDF_DERIVE Hkdf None, DERIVE;
        CKM_HKDF_DATA HkdfData None, DERIVE;
        CKM_PKCS5_PBKD2 Pbkdf2 None, GENERATE;
        CKM_SP800_108_COUNTER_KDF CounterKdf None, DERIVE;
        CKM_SP800_108_FEEDBACK_KDF FeedbackKdf None, DERIVE;
        CKM_SP800_108_DOUBLE_PIPELINE_KDF DoublePipelineKdf None, DERIVE;
        CKM_CONCATENATE_BASE_AND_KEY ConcatenateBaseAndKey None, DERIVE;
        CKM_CONCATENATE_BASE_AND_DATA ConcatenateBaseAndData None, DERIVE;
        CKM_CONCATENATE_DATA_AND_BASE ConcatenateDataAndBase None, DERIVE;
        CKM_XOR_BASE_AND_DATA XorBaseAndData None, DERIVE;
        CKM_EXTRACT_KEY_FROM_KEY ExtractKey None, DERIVE;
        CKM_SHA256_KEY_DERIVATION HashDerive Some(Sha256), DERIVE;
        CKM_SHA384_KEY_DERIVATION HashDerive Some(Sha384), DERIVE;
        CKM_SHA512_KEY_DERIVATION HashDerive Some(Sha512), DERIVE;
        CKM_SHA_1 Digest Some(Sha1), ck::CKF_DIGEST;
        CKM_SHA224 Digest Some(Sha224), ck::CKF_DIGEST;
        CKM_SHA256 Digest Some(Sha256), ck::CKF_DIGEST;
        CKM_SHA384 Digest Some(Sha384), ck::CKF_DIGEST;
        CKM_SHA512 Digest Some(Sha512), ck::CKF_DIGEST;
        CKM_SHA512_224 Digest Some(Sha512_224), ck::CKF_DIGEST;
        CKM_SHA512_256 Digest Some(Sha512_256), ck::CKF_DIGEST;
        CKM_SHA3_224 Digest Some(Sha3_224), ck::CKF_DIGEST;
        CKM_SHA3_256 Digest Some(Sha3_256), ck::CKF_DIGEST;
        CKM_SHA3_384 Digest Some(Sha3_384), ck::CKF_DIGEST;
        CKM_SHA3_512 Digest Some(Sha3_512), ck::CKF_DIGEST;
    }
};

/// The row of a CKM_*.
pub fn find(mechanism: u64) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.mechanism == mechanism)
}

/// The hash of a CKM_SHA*: how parameters name one.
pub fn hash_of(mechanism: u64) -> Option<Hash> {
    find(mechanism).filter(|row| row.family == Family::Digest)?.hash
}

/// The hash of a CKG_MGF1_*.
pub fn mgf_of(generator: u64) -> Option<Hash> {
    Some(match generator {
        ck::CKG_MGF1_SHA1 => Hash::Sha1,
        ck::CKG_MGF1_SHA224 => Hash::Sha224,
        ck::CKG_MGF1_SHA256 => Hash::Sha256,
        ck::CKG_MGF1_SHA384 => Hash::Sha384,
        ck::CKG_MGF1_SHA512 => Hash::Sha512,
        ck::CKG_MGF1_SHA3_224 => Hash::Sha3_224,
        ck::CKG_MGF1_SHA3_256 => Hash::Sha3_256,
        ck::CKG_MGF1_SHA3_384 => Hash::Sha3_384,
        ck::CKG_MGF1_SHA3_512 => Hash::Sha3_512,
        _ => return None,
    })
}

/// The key type for HMAC with a hash alone; CKK_GENERIC_SECRET serves every hash.
pub const fn hmac_key_type(hash: Hash) -> u64 {
    match hash {
        Hash::Sha1 => ck::CKK_SHA_1_HMAC,
        Hash::Sha224 => ck::CKK_SHA224_HMAC,
        Hash::Sha256 => ck::CKK_SHA256_HMAC,
        Hash::Sha384 => ck::CKK_SHA384_HMAC,
        Hash::Sha512 => ck::CKK_SHA512_HMAC,
        Hash::Sha512_224 => ck::CKK_SHA512_224_HMAC,
        Hash::Sha512_256 => ck::CKK_SHA512_256_HMAC,
        Hash::Sha3_224 => ck::CKK_SHA3_224_HMAC,
        Hash::Sha3_256 => ck::CKK_SHA3_256_HMAC,
        Hash::Sha3_384 => ck::CKK_SHA3_384_HMAC,
        Hash::Sha3_512 => ck::CKK_SHA3_512_HMAC,
    }
}

/// Whether a key type holds the bytes of an HMAC, HKDF or generic secret.
fn is_generic(key_type: u64) -> bool {
    matches!(key_type, ck::CKK_GENERIC_SECRET | ck::CKK_HKDF)
        || Hash::ALL.into_iter().any(|hash| hmac_key_type(hash) == key_type)
}

impl Row {
    /// Whether a key of this CKA_KEY_TYPE fits. A mechanism that makes keys takes none.
    pub fn fits(&self, key_type: u64) -> bool {
        use Family as F;
        match self.family {
            F::RsaPkcs | F::RsaX509 | F::RsaPss | F::RsaOaep | F::RsaAesWrap => key_type == ck::CKK_RSA,
            F::Ecdsa => key_type == ck::CKK_EC,
            F::Ecdh | F::EcdhAesWrap => matches!(key_type, ck::CKK_EC | ck::CKK_EC_MONTGOMERY),
            F::EdDsa => key_type == ck::CKK_EC_EDWARDS,
            F::Dh => key_type == ck::CKK_DH,
            F::MlDsa | F::HashMlDsa => key_type == ck::CKK_ML_DSA,
            F::MlKem => key_type == ck::CKK_ML_KEM,
            F::AesEcb
            | F::AesCbc
            | F::AesCbcPad
            | F::AesCtr
            | F::AesGcm
            | F::AesCcm
            | F::AesKeyWrap
            | F::AesKeyWrapPad
            | F::AesKeyWrapKwp
            | F::AesCmac
            | F::AesCmacGeneral
            | F::AesGmac
            | F::AesEcbEncryptData
            | F::AesCbcEncryptData => key_type == ck::CKK_AES,
            F::ChaCha20 | F::ChaCha20Poly1305 => key_type == ck::CKK_CHACHA20,
            F::Hmac | F::HmacGeneral => {
                key_type == ck::CKK_GENERIC_SECRET || self.hash.is_some_and(|hash| hmac_key_type(hash) == key_type)
            }
            F::Hkdf | F::HkdfData => is_generic(key_type) || key_type == ck::CKK_AES,
            F::CounterKdf | F::FeedbackKdf | F::DoublePipelineKdf => is_generic(key_type) || key_type == ck::CKK_AES,
            F::ConcatenateBaseAndKey
            | F::ConcatenateBaseAndData
            | F::ConcatenateDataAndBase
            | F::XorBaseAndData
            | F::ExtractKey
            | F::HashDerive => is_generic(key_type) || matches!(key_type, ck::CKK_AES | ck::CKK_CHACHA20),
            F::RsaKeyPair
            | F::EcKeyPair
            | F::EdwardsKeyPair
            | F::MontgomeryKeyPair
            | F::DhKeyPair
            | F::MlDsaKeyPair
            | F::MlKemKeyPair
            | F::AesKey
            | F::ChaCha20Key
            | F::GenericKey
            | F::HmacKey
            | F::HkdfKey
            | F::Pbkdf2
            | F::Digest => false,
        }
    }

    /// The parameter it takes.
    pub fn parameter(&self) -> ParameterKind {
        use Family as F;
        use ParameterKind as P;
        match self.family {
            F::RsaPss => P::RsaPss,
            F::RsaOaep => P::RsaOaep,
            F::RsaAesWrap => P::RsaAesWrap,
            F::EdDsa => P::OptionalEdDsa,
            F::MlDsa => P::OptionalSignContext,
            F::HashMlDsa if self.hash.is_none() => P::HashSignContext,
            F::HashMlDsa => P::OptionalSignContext,
            F::Ecdh => P::Ecdh,
            F::EcdhAesWrap => P::EcdhAesWrap,
            F::Dh => P::DhPublic,
            F::AesCbc | F::AesCbcPad => P::Iv(16),
            F::AesKeyWrap | F::AesKeyWrapPad => P::OptionalIv(8),
            F::AesKeyWrapKwp => P::OptionalIv(4),
            F::AesCtr => P::Ctr,
            F::AesGcm => P::Gcm,
            F::AesCcm => P::Ccm,
            F::AesGmac => P::Gmac,
            F::ChaCha20 => P::ChaCha20,
            F::ChaCha20Poly1305 => P::ChaCha20Poly1305,
            F::AesCmacGeneral | F::HmacGeneral => P::MacLength,
            F::Hkdf | F::HkdfData => P::Hkdf,
            F::Pbkdf2 => P::Pbkdf2,
            F::CounterKdf | F::DoublePipelineKdf => P::CounterKdf,
            F::FeedbackKdf => P::FeedbackKdf,
            F::ConcatenateBaseAndKey => P::KeyHandle,
            F::ConcatenateBaseAndData | F::ConcatenateDataAndBase | F::XorBaseAndData | F::AesEcbEncryptData => P::Data,
            F::AesCbcEncryptData => P::CbcData,
            F::ExtractKey => P::FirstBit,
            F::RsaKeyPair
            | F::EcKeyPair
            | F::EdwardsKeyPair
            | F::MontgomeryKeyPair
            | F::DhKeyPair
            | F::MlDsaKeyPair
            | F::MlKemKeyPair
            | F::AesKey
            | F::ChaCha20Key
            | F::GenericKey
            | F::HmacKey
            | F::HkdfKey
            | F::RsaPkcs
            | F::RsaX509
            | F::Ecdsa
            | F::MlKem
            | F::AesEcb
            | F::AesCmac
            | F::Digest
            | F::Hmac
            | F::HashDerive => P::None,
        }
    }

    /// Smallest and largest key in the unit that PKCS#11 3.2 gives for the mechanism: bits for RSA, curves and DH, bytes for AES and
    /// secrets; 0 where there is no key.
    pub fn key_sizes(&self) -> (u64, u64) {
        use Family as F;
        match self.family {
            F::RsaKeyPair | F::RsaPkcs | F::RsaX509 | F::RsaPss | F::RsaOaep | F::RsaAesWrap => {
                (MIN_RSA_BITS as u64, MAX_RSA_BITS as u64)
            }
            F::EcKeyPair | F::Ecdsa => (256, 521),
            F::Ecdh | F::EcdhAesWrap => (255, 521),
            F::EdwardsKeyPair | F::EdDsa | F::MontgomeryKeyPair => (255, 448),
            F::DhKeyPair | F::Dh => (crate::limits::MIN_DH_BITS as u64, crate::limits::MAX_DH_BITS as u64),
            // The public key's length in bytes (FIPS 203 and 204, table 2 and 3).
            F::MlDsaKeyPair | F::MlDsa | F::HashMlDsa => (1312, 2592),
            F::MlKemKeyPair | F::MlKem => (800, 1568),
            F::AesKey
            | F::AesEcb
            | F::AesCbc
            | F::AesCbcPad
            | F::AesCtr
            | F::AesGcm
            | F::AesCcm
            | F::AesKeyWrap
            | F::AesKeyWrapPad
            | F::AesKeyWrapKwp
            | F::AesCmac
            | F::AesCmacGeneral
            | F::AesGmac
            | F::AesEcbEncryptData
            | F::AesCbcEncryptData => (16, 32),
            F::ChaCha20Key | F::ChaCha20 | F::ChaCha20Poly1305 => (32, 32),
            F::GenericKey
            | F::HmacKey
            | F::HkdfKey
            | F::Hmac
            | F::HmacGeneral
            | F::Hkdf
            | F::HkdfData
            | F::CounterKdf
            | F::FeedbackKdf
            | F::DoublePipelineKdf
            | F::ConcatenateBaseAndKey
            | F::ConcatenateBaseAndData
            | F::ConcatenateDataAndBase
            | F::XorBaseAndData
            | F::ExtractKey
            | F::HashDerive => (1, crate::limits::MAX_SECRET_BYTES as u64),
            F::Digest | F::Pbkdf2 => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_is_there_once() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(index + 1).all(|other| other.mechanism != row.mechanism), "{}", row.name);
            assert!(row.flags != 0 && row.name.starts_with("CKM_"));
        }
    }

    #[test]
    fn what_uses_a_key_has_one_that_fits() {
        let all = [
            ck::CKK_RSA,
            ck::CKK_EC,
            ck::CKK_EC_EDWARDS,
            ck::CKK_EC_MONTGOMERY,
            ck::CKK_DH,
            ck::CKK_ML_DSA,
            ck::CKK_ML_KEM,
            ck::CKK_AES,
            ck::CKK_CHACHA20,
            ck::CKK_GENERIC_SECRET,
        ];
        for row in TABLE {
            let makes = row.flags & (GENERATE | PAIR | ck::CKF_DIGEST) != 0;
            assert_eq!(all.into_iter().any(|key_type| row.fits(key_type)), !makes, "{}", row.name);
        }
    }
}
