//! What the module needs to know of a CK_MECHANISM: its row of the shared table (`softkeep_proto::mechanism`), its
//! parameter judged, and the lengths that follow. Reading it out of memory is `ffi`'s; what a mechanism does, the
//! daemon's.

use bytes::Bytes;
use cryptoki_sys as ck;
pub use softkeep_proto::mechanism::{Family, ParameterKind, Row, TABLE};
use softkeep_proto::{
    algorithm::Hash,
    limits::{MAX_CRYPTO_INPUT_BYTES, MAX_RSA_BITS},
    mechanism as table,
    pkcs11::v1::{self as wire, KeyRef, mechanism::Parameter},
};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// The longest context of EdDSA and ML-DSA (RFC 8032 section 5.1, FIPS 204 section 5.2).
const MAX_CONTEXT_BYTES: usize = 255;

/// The table's row of a CKM_*.
pub fn find(mechanism: u64) -> Result<&'static Row> {
    table::find(mechanism).ok_or(Error::MechanismInvalid)
}

/// CK_MECHANISM_INFO of a CKM_*.
pub fn info(mechanism: u64) -> Result<ck::CK_MECHANISM_INFO> {
    let row = find(mechanism)?;
    let (smallest, largest) = row.key_sizes();
    Ok(ck::CK_MECHANISM_INFO { ulMinKeySize: smallest, ulMaxKeySize: largest, flags: row.flags })
}

/// A parameter as found in memory, not yet judged.
#[derive(Clone, PartialEq)]
pub enum Raw {
    /// NULL or no bytes.
    Nothing,
    /// What the mechanism takes, by its form.
    Given(Given),
    /// Bytes that are not what the mechanism takes.
    Wrong,
}

/// A parameter of the right form.
#[derive(Clone, PartialEq)]
pub struct Given {
    /// As the daemon will see it.
    pub parameter: Parameter,
    /// A key that it names by its handle: whoever uses the mechanism looks it up ([`Mechanism::name_key`]).
    pub key_handle: Option<u64>,
    /// CK_CCM_PARAMS: how long the message will be.
    pub message_len: Option<u64>,
}

impl From<Parameter> for Raw {
    fn from(parameter: Parameter) -> Self {
        Raw::Given(Given { parameter, key_handle: None, message_len: None })
    }
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

/// A parameter that fits its mechanism, as far as the module itself works with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Params {
    /// None, or one that only the daemon looks into.
    None,
    Pss(Pss),
    Oaep(Oaep),
    /// CK_EDDSA_PARAMS. Given without a context it is not the same as not given (RFC 8032 section 8.3).
    EdDsa {
        prehash: bool,
        context: Vec<u8>,
    },
    /// CK_SIGN_ADDITIONAL_CONTEXT; the hash is CK_HASH_SIGN_ADDITIONAL_CONTEXT's.
    SignContext {
        context: Vec<u8>,
        hash: Option<Hash>,
    },
    Iv(Bytes),
    Ctr {
        block: [u8; 16],
        counter_bits: u32,
    },
    ChaCha20 {
        counter: u64,
        nonce: Bytes,
    },
    Aead {
        tag_len_bytes: usize,
        message_len: Option<u64>,
    },
    MacLength(usize),
}

/// A CK_MECHANISM that has been understood.
#[derive(Clone)]
pub struct Mechanism {
    /// Its row.
    pub row: &'static Row,
    /// Its parameter.
    pub params: Params,
    /// A key that its parameter names by handle, for [`name_key`](Self::name_key).
    pub key_handle: Option<u64>,
    wire: wire::Mechanism,
}

impl Mechanism {
    /// Checks a parameter against its row.
    pub fn new(row: &'static Row, raw: Raw) -> Result<Self> {
        let given = match raw {
            Raw::Nothing => None,
            Raw::Given(given) => Some(given),
            Raw::Wrong => return Err(Error::MechanismParamInvalid),
        };
        let params = judge(row, given.as_ref()).ok_or(Error::MechanismParamInvalid)?;
        let key_handle = given.as_ref().and_then(|given| given.key_handle);
        let parameter = given.map(|given| given.parameter);
        Ok(Self { row, params, key_handle, wire: wire::Mechanism { r#type: row.mechanism, parameter } })
    }

    /// The mechanism of a row whose parameter comes with each message (the message-based functions).
    pub fn without_parameter(row: &'static Row) -> Self {
        Self {
            row,
            params: Params::None,
            key_handle: None,
            wire: wire::Mechanism { r#type: row.mechanism, parameter: None },
        }
    }

    /// What the daemon is told: the CKM the application named.
    pub fn to_wire(&self) -> wire::Mechanism {
        self.wire.clone()
    }

    /// The same with another initialisation vector, counter block or counter: for a later part of the message.
    pub fn to_wire_at(&self, parameter: Parameter) -> wire::Mechanism {
        wire::Mechanism { parameter: Some(parameter), ..self.wire.clone() }
    }

    /// Puts the key into the parameter that its handle stands for.
    pub fn name_key(&mut self, key: KeyRef) {
        match &mut self.wire.parameter {
            Some(Parameter::Hkdf(hkdf)) => hkdf.salt_key = Some(key),
            Some(Parameter::OtherKey(other)) => *other = key,
            _ => {}
        }
    }

    /// MECHANISM_INVALID unless the mechanism may be used so (a CKF_* of CK_MECHANISM_INFO).
    pub fn require(self, flag: u64) -> Result<Self> {
        if self.row.flags & flag == 0 { Err(Error::MechanismInvalid) } else { Ok(self) }
    }

    /// Checks the length of what is signed, so that a mistake costs no call.
    pub fn check_data(&self, data_len: usize, key_bytes: usize) -> Result<()> {
        let fits = match (self.row.family, self.row.hash, &self.params) {
            // RFC 8017 section 9.2: at least eight bytes of padding and three of frame.
            (Family::RsaPkcs, None, _) => data_len + 11 <= key_bytes,
            (Family::RsaX509, ..) => data_len <= key_bytes,
            (Family::RsaPss, None, Params::Pss(pss)) => data_len == pss.hash.len(),
            (Family::Ecdsa, None, _) => data_len > 0 && data_len <= MAX_CRYPTO_INPUT_BYTES,
            (Family::HashMlDsa, None, Params::SignContext { hash: Some(hash), .. }) => data_len == hash.len(),
            _ => true,
        };
        if fits { Ok(()) } else { Err(Error::DataLenRange) }
    }

    /// Whether a MAC of this mechanism is made and checked by the daemon.
    pub fn is_mac(&self) -> bool {
        mac_len(self.row).is_some()
    }

    /// The length of a MAC.
    pub fn mac_len_bytes(&self) -> Option<usize> {
        match self.params {
            Params::MacLength(len) => Some(len),
            _ => mac_len(self.row),
        }
    }
}

/// The whole length of what a MAC mechanism makes.
fn mac_len(row: &Row) -> Option<usize> {
    match row.family {
        Family::Hmac | Family::HmacGeneral => row.hash.map(Hash::len),
        Family::AesCmac | Family::AesCmacGeneral | Family::AesGmac => Some(16),
        _ => None,
    }
}

/// The parameter's values: None if they do not fit.
fn judge(row: &Row, given: Option<&Given>) -> Option<Params> {
    use Parameter as P;
    use ParameterKind as K;
    let parameter = given.map(|given| &given.parameter);
    Some(match (row.parameter(), parameter) {
        (K::None | K::OptionalEdDsa | K::OptionalSignContext | K::OptionalIv(_), None) => Params::None,
        (K::RsaPss, Some(P::RsaPss(pss))) => Params::Pss(judge_pss(row, pss)?),
        (K::RsaOaep, Some(P::RsaOaep(oaep))) => Params::Oaep(judge_oaep(oaep)?),
        (K::RsaAesWrap, Some(P::RsaAesWrap(wrap))) if is_aes_bits(wrap.aes_bits) => {
            judge_oaep(wrap.oaep.as_ref()?).map(|_| Params::None)?
        }
        (K::EcdhAesWrap, Some(P::EcdhAesWrap(wrap))) if is_aes_bits(wrap.aes_bits) => Params::None,
        (K::OptionalEdDsa, Some(P::Eddsa(eddsa))) if eddsa.context.len() <= MAX_CONTEXT_BYTES => {
            Params::EdDsa { prehash: eddsa.prehash, context: eddsa.context.to_vec() }
        }
        (K::OptionalSignContext | K::HashSignContext, Some(P::SignContext(sign))) => judge_context(row, sign)?,
        (K::Iv(len), Some(P::Iv(iv))) | (K::OptionalIv(len), Some(P::Iv(iv))) if iv.len() == len => {
            Params::Iv(iv.clone())
        }
        (K::Ctr, Some(P::Ctr(ctr))) if (1..=128).contains(&ctr.counter_bits) => {
            Params::Ctr { block: ctr.block[..].try_into().ok()?, counter_bits: ctr.counter_bits }
        }
        (K::ChaCha20, Some(P::Chacha20(chacha))) => judge_chacha20(chacha)?,
        (K::Gcm | K::Ccm | K::Gmac | K::ChaCha20Poly1305, Some(P::Aead(aead))) => {
            judge_aead(row.parameter(), aead, given.and_then(|given| given.message_len))?
        }
        (K::MacLength, Some(P::MacLenBytes(len))) => {
            let len = usize::try_from(*len).ok().filter(|len| *len > 0 && Some(*len) <= mac_len(row))?;
            Params::MacLength(len)
        }
        (K::Ecdh, Some(P::Ecdh(_)))
        | (K::DhPublic, Some(P::DhPublic(_)))
        | (K::Hkdf, Some(P::Hkdf(_)))
        | (K::Pbkdf2, Some(P::Pbkdf2(_)))
        | (K::CounterKdf | K::FeedbackKdf, Some(P::Sp800108(_)))
        | (K::KeyHandle, Some(P::OtherKey(_)))
        | (K::Data, Some(P::Data(_)))
        | (K::CbcData, Some(P::CbcData(_)))
        | (K::FirstBit, Some(P::FirstBit(_))) => Params::None,
        _ => return None,
    })
}

fn is_aes_bits(bits: u32) -> bool {
    matches!(bits, 128 | 192 | 256)
}

fn judge_pss(row: &Row, pss: &wire::RsaPssParams) -> Option<Pss> {
    let hash = table::hash_of(pss.hash)?;
    if row.hash.is_some_and(|hashed| hashed != hash) {
        return None;
    }
    let salt_len_bytes = usize::try_from(pss.salt_len_bytes).ok().filter(|len| *len <= MAX_RSA_BITS as usize / 8)?;
    Some(Pss { hash, mgf: table::mgf_of(pss.mgf)?, salt_len_bytes })
}

fn judge_oaep(oaep: &wire::RsaOaepParams) -> Option<Oaep> {
    Some(Oaep { hash: table::hash_of(oaep.hash)?, mgf: table::mgf_of(oaep.mgf)?, label: oaep.label.to_vec() })
}

fn judge_context(row: &Row, sign: &wire::SignContextParams) -> Option<Params> {
    let hedges = [ck::CKH_HEDGE_PREFERRED, ck::CKH_HEDGE_REQUIRED, ck::CKH_DETERMINISTIC_REQUIRED];
    if !hedges.contains(&sign.hedge) || sign.context.len() > MAX_CONTEXT_BYTES {
        return None;
    }
    let hash = match row.parameter() {
        ParameterKind::HashSignContext => Some(table::hash_of(sign.hash)?),
        _ => row.hash,
    };
    Some(Params::SignContext { context: sign.context.to_vec(), hash })
}

/// RFC 8439: a counter of 32 bits and a nonce of 96; and ChaCha as first published, with 64 of each.
fn judge_chacha20(chacha: &wire::ChaCha20Params) -> Option<Params> {
    let fits = match chacha.nonce.len() {
        12 => u32::try_from(chacha.counter).is_ok(),
        8 => true,
        _ => false,
    };
    fits.then(|| Params::ChaCha20 { counter: chacha.counter, nonce: chacha.nonce.clone() })
}

/// SP 800-38D section 5.2.1 (with the longest IV any program was seen to use), SP 800-38C appendix A, RFC 8439.
fn judge_aead(kind: ParameterKind, aead: &wire::AeadParams, message_len: Option<u64>) -> Option<Params> {
    let tag_len_bytes = usize::try_from(aead.tag_len_bytes).ok()?;
    let nonce_len = aead.nonce.len();
    let (fits, tag_len_bytes) = match kind {
        ParameterKind::Gcm => ((1..=256).contains(&nonce_len) && (4..=16).contains(&tag_len_bytes), tag_len_bytes),
        ParameterKind::Ccm => {
            let longest = 8u32.checked_mul(15u32.checked_sub(u32::try_from(nonce_len).ok()?)?)?;
            let counted = message_len.is_none_or(|len| len.checked_shr(longest).unwrap_or(0) == 0);
            let tag = (4..=16).contains(&tag_len_bytes) && tag_len_bytes.is_multiple_of(2);
            ((7..=13).contains(&nonce_len) && tag && counted, tag_len_bytes)
        }
        ParameterKind::Gmac => ((1..=256).contains(&nonce_len) && aead.associated_data.is_empty(), 16),
        _ => (nonce_len == 12, 16),
    };
    fits.then_some(Params::Aead { tag_len_bytes, message_len })
}
