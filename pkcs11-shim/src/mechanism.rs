//! TABLE: the mechanisms, what each is for, and what the module does itself (PKCS#11 3.2 section 6). The signing is the
//! daemon's; reading a CK_MECHANISM out of memory is `ffi`'s.

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::Hash,
    limits::{MAX_CRYPTO_INPUT_BYTES, MAX_RSA_BITS, MIN_RSA_BITS},
    pkcs11::v1::{self as wire, mechanism::Parameter},
};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// What a mechanism does with the key, whatever it hashes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// PKCS#1 v1.5 signatures.
    RsaPkcs,
    /// The bare RSA operation.
    RsaX509,
    /// RSASSA-PSS.
    RsaPss,
    /// RSAES-OAEP.
    RsaOaep,
    /// ECDSA, r‖s.
    Ecdsa,
    /// No key.
    Digest,
    /// RSA key generation.
    RsaKeyPair,
    /// Elliptic curve key generation.
    EcKeyPair,
}

impl Family {
    /// The only CKA_KEY_TYPE that fits; none where no key is given.
    pub fn key_type(self) -> Option<u64> {
        match self {
            Family::RsaPkcs | Family::RsaX509 | Family::RsaPss | Family::RsaOaep => Some(ck::CKK_RSA),
            Family::Ecdsa => Some(ck::CKK_EC),
            Family::Digest | Family::RsaKeyPair | Family::EcKeyPair => None,
        }
    }

    /// Smallest and largest key, in bits.
    fn key_sizes(self) -> (u64, u64) {
        match self {
            Family::RsaPkcs | Family::RsaX509 | Family::RsaPss | Family::RsaOaep | Family::RsaKeyPair => {
                (MIN_RSA_BITS as u64, MAX_RSA_BITS as u64)
            }
            Family::Ecdsa | Family::EcKeyPair => (256, 521),
            Family::Digest => (0, 0),
        }
    }
}

/// One mechanism.
#[derive(Debug)]
pub struct Row {
    /// CKM_*.
    pub mechanism: u64,
    /// What it does.
    pub family: Family,
    /// What the module hashes the message with before anything else; none means the caller's bytes are used.
    pub hash: Option<Hash>,
    /// CKF_* of CK_MECHANISM_INFO.
    pub flags: u64,
}

const SIGN: u64 = ck::CKF_SIGN | ck::CKF_VERIFY;
const CRYPT: u64 = ck::CKF_ENCRYPT | ck::CKF_DECRYPT;
const PAIR: u64 = ck::CKF_GENERATE_KEY_PAIR;
const EC: u64 = ck::CKF_EC_F_P | ck::CKF_EC_OID | ck::CKF_EC_UNCOMPRESS;

const fn row(mechanism: u64, family: Family, hash: Option<Hash>, flags: u64) -> Row {
    Row { mechanism, family, hash, flags }
}

/// Every mechanism, in the order C_GetMechanismList shows them.
pub const TABLE: &[Row] = &[
    row(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, Family::RsaKeyPair, None, PAIR),
    row(ck::CKM_RSA_PKCS, Family::RsaPkcs, None, SIGN),
    row(ck::CKM_RSA_X_509, Family::RsaX509, None, SIGN),
    row(ck::CKM_RSA_PKCS_OAEP, Family::RsaOaep, None, CRYPT),
    row(ck::CKM_RSA_PKCS_PSS, Family::RsaPss, None, SIGN),
    row(ck::CKM_SHA1_RSA_PKCS, Family::RsaPkcs, Some(Hash::Sha1), SIGN),
    row(ck::CKM_SHA224_RSA_PKCS, Family::RsaPkcs, Some(Hash::Sha224), SIGN),
    row(ck::CKM_SHA256_RSA_PKCS, Family::RsaPkcs, Some(Hash::Sha256), SIGN),
    row(ck::CKM_SHA384_RSA_PKCS, Family::RsaPkcs, Some(Hash::Sha384), SIGN),
    row(ck::CKM_SHA512_RSA_PKCS, Family::RsaPkcs, Some(Hash::Sha512), SIGN),
    row(ck::CKM_SHA1_RSA_PKCS_PSS, Family::RsaPss, Some(Hash::Sha1), SIGN),
    row(ck::CKM_SHA224_RSA_PKCS_PSS, Family::RsaPss, Some(Hash::Sha224), SIGN),
    row(ck::CKM_SHA256_RSA_PKCS_PSS, Family::RsaPss, Some(Hash::Sha256), SIGN),
    row(ck::CKM_SHA384_RSA_PKCS_PSS, Family::RsaPss, Some(Hash::Sha384), SIGN),
    row(ck::CKM_SHA512_RSA_PKCS_PSS, Family::RsaPss, Some(Hash::Sha512), SIGN),
    row(ck::CKM_EC_KEY_PAIR_GEN, Family::EcKeyPair, None, PAIR | EC),
    row(ck::CKM_ECDSA, Family::Ecdsa, None, SIGN | EC),
    row(ck::CKM_ECDSA_SHA1, Family::Ecdsa, Some(Hash::Sha1), SIGN | EC),
    row(ck::CKM_ECDSA_SHA224, Family::Ecdsa, Some(Hash::Sha224), SIGN | EC),
    row(ck::CKM_ECDSA_SHA256, Family::Ecdsa, Some(Hash::Sha256), SIGN | EC),
    row(ck::CKM_ECDSA_SHA384, Family::Ecdsa, Some(Hash::Sha384), SIGN | EC),
    row(ck::CKM_ECDSA_SHA512, Family::Ecdsa, Some(Hash::Sha512), SIGN | EC),
    row(ck::CKM_SHA_1, Family::Digest, Some(Hash::Sha1), ck::CKF_DIGEST),
    row(ck::CKM_SHA224, Family::Digest, Some(Hash::Sha224), ck::CKF_DIGEST),
    row(ck::CKM_SHA256, Family::Digest, Some(Hash::Sha256), ck::CKF_DIGEST),
    row(ck::CKM_SHA384, Family::Digest, Some(Hash::Sha384), ck::CKF_DIGEST),
    row(ck::CKM_SHA512, Family::Digest, Some(Hash::Sha512), ck::CKF_DIGEST),
];

/// The table's row of a CKM_*.
pub fn find(mechanism: u64) -> Result<&'static Row> {
    TABLE.iter().find(|row| row.mechanism == mechanism).ok_or(Error::MechanismInvalid)
}

impl Row {
    /// CK_MECHANISM_INFO.
    pub fn info(&self) -> ck::CK_MECHANISM_INFO {
        let (smallest, largest) = self.family.key_sizes();
        ck::CK_MECHANISM_INFO { ulMinKeySize: smallest, ulMaxKeySize: largest, flags: self.flags }
    }
}

/// The hash of a CKM_SHA*.
fn hash_of(mechanism: u64) -> Result<Hash> {
    match find(mechanism) {
        Ok(Row { family: Family::Digest, hash: Some(hash), .. }) => Ok(*hash),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// The hash of a CKG_MGF1_*.
fn mgf_of(generator: u64) -> Result<Hash> {
    match generator {
        ck::CKG_MGF1_SHA1 => Ok(Hash::Sha1),
        ck::CKG_MGF1_SHA224 => Ok(Hash::Sha224),
        ck::CKG_MGF1_SHA256 => Ok(Hash::Sha256),
        ck::CKG_MGF1_SHA384 => Ok(Hash::Sha384),
        ck::CKG_MGF1_SHA512 => Ok(Hash::Sha512),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// A parameter as found in memory, not yet judged.
#[derive(Clone, PartialEq)]
pub enum Raw {
    /// NULL or no bytes.
    Nothing,
    /// CK_RSA_PKCS_PSS_PARAMS.
    Pss(wire::RsaPssParams),
    /// CK_RSA_PKCS_OAEP_PARAMS.
    Oaep(wire::RsaOaepParams),
    /// Bytes that are not what the mechanism takes.
    Wrong,
}

/// RSASSA-PSS's choices (RFC 8017 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pss {
    /// The hash of the message.
    pub hash: Hash,
    /// The hash inside MGF1.
    pub mgf: Hash,
    /// The salt's length.
    pub salt_len_bytes: usize,
}

/// RSAES-OAEP's choices (RFC 8017 section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oaep {
    /// The hash of the label.
    pub hash: Hash,
    /// The hash inside MGF1.
    pub mgf: Hash,
    /// Usually empty.
    pub label: Vec<u8>,
}

/// A parameter that fits its mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Params {
    None,
    Pss(Pss),
    Oaep(Oaep),
}

/// A CK_MECHANISM that has been understood.
#[derive(Clone)]
pub struct Mechanism {
    /// Its row.
    pub row: &'static Row,
    /// Its parameter.
    pub params: Params,
    wire: wire::Mechanism,
}

impl Mechanism {
    /// Checks a parameter against its row.
    pub fn new(row: &'static Row, raw: Raw) -> Result<Self> {
        let (params, parameter) = match (row.family, raw) {
            (Family::RsaPss, Raw::Pss(pss)) => (Params::Pss(check_pss(row, &pss)?), Some(Parameter::RsaPss(pss))),
            (Family::RsaOaep, Raw::Oaep(oaep)) => (Params::Oaep(check_oaep(&oaep)?), Some(Parameter::RsaOaep(oaep))),
            (Family::RsaPss | Family::RsaOaep, _) => return Err(Error::MechanismParamInvalid),
            (_, Raw::Nothing) => (Params::None, None),
            (_, _) => return Err(Error::MechanismParamInvalid),
        };
        Ok(Self { row, params, wire: wire::Mechanism { r#type: row.mechanism, parameter } })
    }

    /// What the daemon is told: the CKM the application named.
    pub fn to_wire(&self) -> wire::Mechanism {
        self.wire.clone()
    }

    /// MECHANISM_INVALID unless the mechanism may be used so (a CKF_* of CK_MECHANISM_INFO).
    pub fn require(self, flag: u64) -> Result<Self> {
        if self.row.flags & flag == 0 { Err(Error::MechanismInvalid) } else { Ok(self) }
    }

    /// Checks the length of what a raw mechanism signs, so that a mistake costs no call.
    pub fn check_data(&self, data_len: usize, key_bytes: usize) -> Result<()> {
        let fits = match (self.row.family, self.row.hash, &self.params) {
            (_, Some(_), _) => true,
            // RFC 8017 section 9.2: at least eight bytes of padding and three of frame.
            (Family::RsaPkcs, None, _) => data_len + 11 <= key_bytes,
            (Family::RsaX509, None, _) => data_len <= key_bytes,
            (Family::RsaPss, None, Params::Pss(pss)) => data_len == pss.hash.len(),
            _ => data_len > 0 && data_len <= MAX_CRYPTO_INPUT_BYTES,
        };
        if fits { Ok(()) } else { Err(Error::DataLenRange) }
    }
}

fn check_pss(row: &Row, pss: &wire::RsaPssParams) -> Result<Pss> {
    let hash = hash_of(pss.hash)?;
    if row.hash.is_some_and(|hashed| hashed != hash) {
        return Err(Error::MechanismParamInvalid);
    }
    let salt_len_bytes = usize::try_from(pss.salt_len_bytes).map_err(|_| Error::MechanismParamInvalid)?;
    if salt_len_bytes > MAX_RSA_BITS as usize / 8 {
        return Err(Error::MechanismParamInvalid);
    }
    Ok(Pss { hash, mgf: mgf_of(pss.mgf)?, salt_len_bytes })
}

fn check_oaep(oaep: &wire::RsaOaepParams) -> Result<Oaep> {
    Ok(Oaep { hash: hash_of(oaep.hash)?, mgf: mgf_of(oaep.mgf)?, label: oaep.label.to_vec() })
}
