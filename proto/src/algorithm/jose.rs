//! TABLES: the algorithms by the names of JOSE (RFC 7518, RFC 8037, RFC 8812) and, where JOSE has none, of Key Vault.

use cryptoki_sys as ck;

use super::{Curve, EncryptScheme, Hash, SignScheme};

/// How a signature algorithm works on what the caller sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoseSigning {
    /// A signature over the message's digest by [`JoseSignature::hash`].
    Digest(SignScheme),
    /// A signature over what the caller sends, as it is: a message, or what is to be padded.
    Message(SignScheme),
    /// HMAC with [`JoseSignature::hash`] over what the caller sends, as it is.
    Mac,
}

/// One signature algorithm.
pub struct JoseSignature {
    /// RFC 7518 section 3.1, RFC 8812 section 3.2, RFC 8037 section 3.1; RSNULL is Key Vault's.
    pub name: &'static str,
    /// The hash of the message, or inside the algorithm. RSNULL has none: SHA-256 stands there for nothing.
    pub hash: Hash,
    /// What is done.
    pub signing: JoseSigning,
    /// The only curve, for ECDSA.
    pub curve: Option<Curve>,
    /// The PKCS#11 mechanism that does the same with a whole message.
    pub mechanism: u64,
}

impl JoseSignature {
    /// Whether the caller sends the message's digest, which has the hash's length; else it sends the message itself.
    pub fn takes_digest(&self) -> bool {
        matches!(self.signing, JoseSigning::Digest(_))
    }
}

const fn pss(hash: Hash) -> SignScheme {
    SignScheme::RsaPss { hash, mgf: hash, salt_len_bytes: hash.len() }
}

const fn digest(name: &'static str, hash: Hash, scheme: SignScheme, mechanism: u64) -> JoseSignature {
    JoseSignature { name, hash, signing: JoseSigning::Digest(scheme), curve: None, mechanism }
}

const fn ecdsa(name: &'static str, curve: Curve, hash: Hash, mechanism: u64) -> JoseSignature {
    let signing = JoseSigning::Digest(SignScheme::Ecdsa);
    JoseSignature { name, hash, signing, curve: Some(curve), mechanism }
}

const fn message(name: &'static str, hash: Hash, signing: JoseSigning, mechanism: u64) -> JoseSignature {
    JoseSignature { name, hash, signing, curve: None, mechanism }
}

const EDDSA: JoseSigning = JoseSigning::Message(SignScheme::EdDsa { context: None, prehashed: false });

/// Every signature algorithm.
pub static JOSE_SIGNATURES: [JoseSignature; 15] = [
    digest("RS256", Hash::Sha256, SignScheme::RsaPkcs1(Hash::Sha256), ck::CKM_SHA256_RSA_PKCS),
    digest("RS384", Hash::Sha384, SignScheme::RsaPkcs1(Hash::Sha384), ck::CKM_SHA384_RSA_PKCS),
    digest("RS512", Hash::Sha512, SignScheme::RsaPkcs1(Hash::Sha512), ck::CKM_SHA512_RSA_PKCS),
    digest("PS256", Hash::Sha256, pss(Hash::Sha256), ck::CKM_SHA256_RSA_PKCS_PSS),
    digest("PS384", Hash::Sha384, pss(Hash::Sha384), ck::CKM_SHA384_RSA_PKCS_PSS),
    digest("PS512", Hash::Sha512, pss(Hash::Sha512), ck::CKM_SHA512_RSA_PKCS_PSS),
    ecdsa("ES256", Curve::P256, Hash::Sha256, ck::CKM_ECDSA_SHA256),
    ecdsa("ES384", Curve::P384, Hash::Sha384, ck::CKM_ECDSA_SHA384),
    ecdsa("ES512", Curve::P521, Hash::Sha512, ck::CKM_ECDSA_SHA512),
    ecdsa("ES256K", Curve::P256K, Hash::Sha256, ck::CKM_ECDSA_SHA256),
    message("HS256", Hash::Sha256, JoseSigning::Mac, ck::CKM_SHA256_HMAC),
    message("HS384", Hash::Sha384, JoseSigning::Mac, ck::CKM_SHA384_HMAC),
    message("HS512", Hash::Sha512, JoseSigning::Mac, ck::CKM_SHA512_HMAC),
    message("EdDSA", Hash::Sha512, EDDSA, ck::CKM_EDDSA),
    message("RSNULL", Hash::Sha256, JoseSigning::Message(SignScheme::RsaPkcs1Raw), ck::CKM_RSA_PKCS),
];

/// The signature algorithm of a name.
pub fn jose_signature(name: &str) -> Option<&'static JoseSignature> {
    JOSE_SIGNATURES.iter().find(|row| row.name == name)
}

/// How an encryption algorithm works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoseCipher {
    /// By an RSA key.
    Rsa(EncryptScheme),
    /// AES in Galois/counter mode; the initialisation vector has [`GCM_IV_BYTES`], the tag [`GCM_TAG_BYTES`].
    Gcm,
    /// AES in cipher block chaining, whole blocks.
    Cbc,
    /// The same with the padding of PKCS#7.
    CbcPad,
    /// AES key wrap (RFC 3394).
    KeyWrap,
    /// AES key wrap with padding (RFC 5649).
    KeyWrapPad,
}

/// The initialisation vector of GCM: the length that it is made for (SP 800-38D section 5.2.1.1).
pub const GCM_IV_BYTES: usize = 12;
/// The tag of GCM in full.
pub const GCM_TAG_BYTES: usize = 16;
/// The initialisation vector of CBC: a block.
pub const CBC_IV_BYTES: usize = 16;

/// One encryption algorithm.
pub struct JoseEncryption {
    /// RFC 7518 sections 4.1 and 5.1 where it has it; else Key Vault's.
    pub name: &'static str,
    /// What is done.
    pub cipher: JoseCipher,
    /// The secret key's length, where the algorithm says it.
    pub key_bytes: Option<usize>,
    /// The PKCS#11 mechanism that does the same.
    pub mechanism: u64,
}

const fn oaep(hash: Hash) -> JoseCipher {
    JoseCipher::Rsa(EncryptScheme::RsaOaep { hash, mgf: hash, label: Vec::new() })
}

const fn rsa(name: &'static str, cipher: JoseCipher, mechanism: u64) -> JoseEncryption {
    JoseEncryption { name, cipher, key_bytes: None, mechanism }
}

const fn aes(name: &'static str, cipher: JoseCipher, key_bytes: usize) -> JoseEncryption {
    let mechanism = mechanism(&cipher);
    JoseEncryption { name, cipher, key_bytes: Some(key_bytes), mechanism }
}

/// With AES keys of every length.
const fn wrap(name: &'static str, cipher: JoseCipher) -> JoseEncryption {
    let mechanism = mechanism(&cipher);
    JoseEncryption { name, cipher, key_bytes: None, mechanism }
}

const fn mechanism(cipher: &JoseCipher) -> u64 {
    match cipher {
        JoseCipher::Rsa(EncryptScheme::RsaOaep { .. }) => ck::CKM_RSA_PKCS_OAEP,
        JoseCipher::Rsa(EncryptScheme::RsaPkcs1) => ck::CKM_RSA_PKCS,
        JoseCipher::Rsa(EncryptScheme::RsaRaw) => ck::CKM_RSA_X_509,
        JoseCipher::Gcm => ck::CKM_AES_GCM,
        JoseCipher::Cbc => ck::CKM_AES_CBC,
        JoseCipher::CbcPad => ck::CKM_AES_CBC_PAD,
        JoseCipher::KeyWrap => ck::CKM_AES_KEY_WRAP,
        JoseCipher::KeyWrapPad => ck::CKM_AES_KEY_WRAP_KWP,
    }
}

/// Every encryption algorithm. All of them encrypt and wrap.
pub static JOSE_ENCRYPTIONS: [JoseEncryption; 17] = [
    rsa("RSA1_5", JoseCipher::Rsa(EncryptScheme::RsaPkcs1), ck::CKM_RSA_PKCS),
    rsa("RSA-OAEP", oaep(Hash::Sha1), ck::CKM_RSA_PKCS_OAEP),
    rsa("RSA-OAEP-256", oaep(Hash::Sha256), ck::CKM_RSA_PKCS_OAEP),
    aes("A128GCM", JoseCipher::Gcm, 16),
    aes("A192GCM", JoseCipher::Gcm, 24),
    aes("A256GCM", JoseCipher::Gcm, 32),
    aes("A128CBC", JoseCipher::Cbc, 16),
    aes("A192CBC", JoseCipher::Cbc, 24),
    aes("A256CBC", JoseCipher::Cbc, 32),
    aes("A128CBCPAD", JoseCipher::CbcPad, 16),
    aes("A192CBCPAD", JoseCipher::CbcPad, 24),
    aes("A256CBCPAD", JoseCipher::CbcPad, 32),
    aes("A128KW", JoseCipher::KeyWrap, 16),
    aes("A192KW", JoseCipher::KeyWrap, 24),
    aes("A256KW", JoseCipher::KeyWrap, 32),
    wrap("CKM_AES_KEY_WRAP", JoseCipher::KeyWrap),
    // What Azure calls "with padding" is RFC 5649; PKCS#11 3.2 section 6.14 has that as CKM_AES_KEY_WRAP_KWP.
    wrap("CKM_AES_KEY_WRAP_PAD", JoseCipher::KeyWrapPad),
];

/// The encryption algorithm of a name.
pub fn jose_encryption(name: &str) -> Option<&'static JoseEncryption> {
    JOSE_ENCRYPTIONS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_leads_to_its_row() {
        for row in &JOSE_SIGNATURES {
            assert!(crate::mechanism::find(row.mechanism).is_some(), "{}", row.name);
            assert!(std::ptr::eq(jose_signature(row.name).unwrap(), row), "{}", row.name);
        }
        for row in &JOSE_ENCRYPTIONS {
            assert!(crate::mechanism::find(row.mechanism).is_some(), "{}", row.name);
            assert!(std::ptr::eq(jose_encryption(row.name).unwrap(), row), "{}", row.name);
        }
        assert!(jose_signature("none").is_none() && jose_encryption("dir").is_none());
    }

    #[test]
    fn names_say_the_sizes() {
        for row in &JOSE_SIGNATURES {
            let bits: String = row.name.chars().filter(char::is_ascii_digit).collect();
            // ES512 is named after its hash, its curve has 521 bits.
            match bits.parse::<usize>() {
                Ok(bits) => assert_eq!(8 * row.hash.len(), bits, "{}", row.name),
                Err(_) => assert!(!row.takes_digest(), "{}", row.name),
            }
        }
        for row in JOSE_ENCRYPTIONS.iter().filter(|row| row.name.starts_with('A')) {
            let bits = row.name.get(1..4).unwrap().parse::<usize>().unwrap();
            assert_eq!(row.key_bytes, Some(bits / 8), "{}", row.name);
        }
    }
}
