//! The parameters of mechanisms as they lie in memory: one reader for each CK_*_PARAMS (PKCS#11 3.2 section 6). Whether
//! the values are acceptable is `mechanism`'s to judge; here only lengths are, before anything is read.

use std::ptr;

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    limits::{MAX_GATHERED_BYTES, MAX_PASSPHRASE_BYTES, MAX_SECRET_BYTES},
    pkcs11::v1::{self as wire, mechanism::Parameter},
};

use super::{template::Template, views::InBuf};
use crate::{
    error::{Error, Result},
    mechanism::{Given, ParameterKind, Raw, Row},
};

/// The longest label, shared info, context or salt; RFC 8017 allows longer labels, nobody has any.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The parts of SP 800-108's input: PKCS#11 names five kinds, and few come twice.
const MAX_KDF_PARTS: u64 = 16;

/// Keys derived beside the first one.
const MAX_ADDITIONAL_KEYS: u64 = 16;

/// Reads the parameter that the row takes.
///
/// # Safety
/// The parameter is NULL or valid to read for its length, and so is what it points to, during this call.
pub unsafe fn read(row: &Row, given: &ck::CK_MECHANISM) -> Result<Raw> {
    if given.pParameter.is_null() || given.ulParameterLen == 0 {
        return Ok(Raw::Nothing);
    }
    let source = Source(given);
    let parameter = match row.parameter() {
        ParameterKind::None => None,
        ParameterKind::RsaPss => source.structure().map(pss),
        ParameterKind::RsaOaep => source.structure().map(oaep).transpose()?.flatten().map(Parameter::RsaOaep),
        ParameterKind::RsaAesWrap => source.structure().map(rsa_aes_wrap).transpose()?.flatten(),
        ParameterKind::OptionalEdDsa => source.structure().map(eddsa).transpose()?,
        ParameterKind::OptionalSignContext => source.structure().map(sign_context).transpose()?,
        ParameterKind::HashSignContext => source.structure().map(hash_sign_context).transpose()?,
        ParameterKind::Ecdh => source.structure().map(ecdh).transpose()?,
        ParameterKind::EcdhAesWrap => source.structure().map(ecdh_aes_wrap).transpose()?,
        ParameterKind::DhPublic => Some(Parameter::DhPublic(source.bytes(MAX_SECRET_BYTES)?)),
        ParameterKind::Iv(_) | ParameterKind::OptionalIv(_) => Some(Parameter::Iv(source.bytes(MAX_SECRET_BYTES)?)),
        ParameterKind::Ctr => source.structure().map(ctr),
        ParameterKind::Gcm => source.structure().map(gcm).transpose()?,
        ParameterKind::Ccm => return source.structure().map_or(Ok(Raw::Wrong), ccm),
        ParameterKind::Gmac => Some(match source.structure() {
            Some(params) => gcm(params)?,
            None => aead(source.bytes(MAX_SECRET_BYTES)?, Bytes::new(), 16),
        }),
        ParameterKind::ChaCha20 => source.structure().map(chacha20).transpose()?.flatten(),
        ParameterKind::ChaCha20Poly1305 => source.structure().map(chacha20_poly1305).transpose()?,
        ParameterKind::MacLength => source.structure().map(Parameter::MacLenBytes),
        ParameterKind::Hkdf => return source.structure().map_or(Ok(Raw::Wrong), hkdf),
        ParameterKind::Pbkdf2 => source.structure().map(pbkdf2).transpose()?.flatten(),
        ParameterKind::CounterKdf => source.structure().map(counter_kdf).transpose()?.flatten(),
        ParameterKind::FeedbackKdf => source.structure().map(feedback_kdf).transpose()?.flatten(),
        ParameterKind::KeyHandle => return Ok(source.structure().map_or(Raw::Wrong, key_handle)),
        ParameterKind::Data => source.structure().map(data).transpose()?,
        ParameterKind::CbcData => source.structure().map(cbc_data).transpose()?,
        ParameterKind::FirstBit => source.structure().map(Parameter::FirstBit),
    };
    Ok(parameter.map_or(Raw::Wrong, Raw::from))
}

/// A parameter that is there.
struct Source<'a>(&'a ck::CK_MECHANISM);

impl Source<'_> {
    /// The structure, if the length is right.
    fn structure<T: Copy>(&self) -> Option<T> {
        if self.0.ulParameterLen != size_of::<T>() as u64 {
            return None;
        }
        // SAFETY: not NULL, as long as T, and valid to read, as `read` asks; T is plain numbers and pointers.
        Some(unsafe { ptr::read_unaligned(self.0.pParameter.cast::<T>()) })
    }

    /// The parameter as plain bytes.
    fn bytes(&self, limit: usize) -> Result<Bytes> {
        copy(self.0.pParameter.cast(), self.0.ulParameterLen, limit)
    }
}

/// Bytes that a parameter points to.
fn copy(data: *const u8, len: u64, limit: usize) -> Result<Bytes> {
    if len > limit as u64 {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: a pointer of the parameter is valid for the length beside it, as `read` asks.
    let view = unsafe { InBuf::new(data, len) };
    view.bytes().map(Bytes::copy_from_slice).map_err(|_| Error::MechanismParamInvalid)
}

/// Structures that a parameter points to.
fn copy_all<T: Copy>(items: *const T, count: u64, limit: u64) -> Result<Vec<T>> {
    if count > limit || (items.is_null() && count > 0) {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: not NULL, and valid for the count beside it, as `read` asks; T is plain numbers and pointers.
    Ok((0..count as usize).map(|index| unsafe { ptr::read_unaligned(items.add(index)) }).collect())
}

fn pss(pss: ck::CK_RSA_PKCS_PSS_PARAMS) -> Parameter {
    Parameter::RsaPss(wire::RsaPssParams { hash: pss.hashAlg, mgf: pss.mgf, salt_len_bytes: pss.sLen })
}

fn oaep(oaep: ck::CK_RSA_PKCS_OAEP_PARAMS) -> Result<Option<wire::RsaOaepParams>> {
    // Many callers leave `source` 0 with an empty label; only a label needs CKZ_DATA_SPECIFIED.
    if oaep.source != ck::CKZ_DATA_SPECIFIED && (oaep.source != 0 || oaep.ulSourceDataLen > 0) {
        return Ok(None);
    }
    let label = copy(oaep.pSourceData.cast(), oaep.ulSourceDataLen, MAX_TEXT_BYTES)?;
    Ok(Some(wire::RsaOaepParams { hash: oaep.hashAlg, mgf: oaep.mgf, label }))
}

fn rsa_aes_wrap(wrap: ck::CK_RSA_AES_KEY_WRAP_PARAMS) -> Result<Option<Parameter>> {
    let [inner] = copy_all(wrap.pOAEPParams, 1, 1)?[..] else { return Ok(None) };
    let Some(oaep) = oaep(inner)? else { return Ok(None) };
    let aes_bits = u32::try_from(wrap.ulAESKeyBits).map_err(|_| Error::MechanismParamInvalid)?;
    Ok(Some(Parameter::RsaAesWrap(wire::RsaAesWrapParams { aes_bits, oaep: Some(oaep) })))
}

fn eddsa(eddsa: ck::CK_EDDSA_PARAMS) -> Result<Parameter> {
    let context = copy(eddsa.pContextData, eddsa.ulContextDataLen, MAX_TEXT_BYTES)?;
    Ok(Parameter::Eddsa(wire::EdDsaParams { prehash: eddsa.phFlag != 0, context }))
}

fn sign_context(sign: ck::CK_SIGN_ADDITIONAL_CONTEXT) -> Result<Parameter> {
    let context = copy(sign.pContext, sign.ulContextLen, MAX_TEXT_BYTES)?;
    Ok(Parameter::SignContext(wire::SignContextParams { hedge: sign.hedgeVariant, context, hash: 0 }))
}

fn hash_sign_context(sign: ck::CK_HASH_SIGN_ADDITIONAL_CONTEXT) -> Result<Parameter> {
    let context = copy(sign.pContext, sign.ulContextLen, MAX_TEXT_BYTES)?;
    Ok(Parameter::SignContext(wire::SignContextParams { hedge: sign.hedgeVariant, context, hash: sign.hash }))
}

fn ecdh(ecdh: ck::CK_ECDH1_DERIVE_PARAMS) -> Result<Parameter> {
    Ok(Parameter::Ecdh(wire::EcdhParams {
        kdf: ecdh.kdf,
        shared_data: copy(ecdh.pSharedData, ecdh.ulSharedDataLen, MAX_TEXT_BYTES)?,
        public_data: copy(ecdh.pPublicData, ecdh.ulPublicDataLen, MAX_SECRET_BYTES)?,
    }))
}

fn ecdh_aes_wrap(wrap: ck::CK_ECDH_AES_KEY_WRAP_PARAMS) -> Result<Parameter> {
    Ok(Parameter::EcdhAesWrap(wire::EcdhAesWrapParams {
        aes_bits: u32::try_from(wrap.ulAESKeyBits).map_err(|_| Error::MechanismParamInvalid)?,
        kdf: wrap.kdf,
        shared_data: copy(wrap.pSharedData, wrap.ulSharedDataLen, MAX_TEXT_BYTES)?,
    }))
}

fn ctr(ctr: ck::CK_AES_CTR_PARAMS) -> Parameter {
    let counter_bits = u32::try_from(ctr.ulCounterBits).unwrap_or(0);
    Parameter::Ctr(wire::CtrParams { counter_bits, block: Bytes::copy_from_slice(&ctr.cb) })
}

fn aead(nonce: Bytes, associated_data: Bytes, tag_len_bytes: u64) -> Parameter {
    Parameter::Aead(wire::AeadParams { nonce, associated_data, tag_len_bytes })
}

/// Bits as bytes; a length that is no whole number of bytes is out of any range.
pub(super) fn bytes_of(bits: u64) -> u64 {
    if bits.is_multiple_of(8) { bits / 8 } else { u64::MAX }
}

/// `ulIvBits` is not looked at: the specification names it and says nothing of it, and callers fill it as they like.
fn gcm(gcm: ck::CK_GCM_PARAMS) -> Result<Parameter> {
    let nonce = copy(gcm.pIv, gcm.ulIvLen, MAX_SECRET_BYTES)?;
    Ok(aead(nonce, copy(gcm.pAAD, gcm.ulAADLen, MAX_GATHERED_BYTES)?, bytes_of(gcm.ulTagBits)))
}

fn ccm(ccm: ck::CK_CCM_PARAMS) -> Result<Raw> {
    let nonce = copy(ccm.pNonce, ccm.ulNonceLen, MAX_SECRET_BYTES)?;
    let parameter = aead(nonce, copy(ccm.pAAD, ccm.ulAADLen, MAX_GATHERED_BYTES)?, ccm.ulMACLen);
    Ok(Raw::Given(Given { parameter, key_handle: None, message_len: Some(ccm.ulDataLen) }))
}

/// The block counter is little-endian, as in the cipher itself (RFC 8439 section 2.3).
fn chacha20(chacha: ck::CK_CHACHA20_PARAMS) -> Result<Option<Parameter>> {
    let counter_len = bytes_of(chacha.blockCounterBits);
    let nonce_len = bytes_of(chacha.ulNonceBits);
    if !matches!((counter_len, nonce_len), (4, 12) | (8, 8)) {
        return Ok(None);
    }
    let counter = copy(chacha.pBlockCounter, counter_len, 8)?;
    let counter = counter.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Ok(Some(Parameter::Chacha20(wire::ChaCha20Params { counter, nonce: copy(chacha.pNonce, nonce_len, 12)? })))
}

fn chacha20_poly1305(chacha: ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS) -> Result<Parameter> {
    let nonce = copy(chacha.pNonce, chacha.ulNonceLen, MAX_SECRET_BYTES)?;
    Ok(aead(nonce, copy(chacha.pAAD, chacha.ulAADLen, MAX_GATHERED_BYTES)?, 0))
}

fn hkdf(hkdf: ck::CK_HKDF_PARAMS) -> Result<Raw> {
    let salted = hkdf.bExtract != 0;
    let salt = match hkdf.ulSaltType {
        ck::CKF_HKDF_SALT_DATA if salted => copy(hkdf.pSalt, hkdf.ulSaltLen, MAX_TEXT_BYTES)?,
        _ => Bytes::new(),
    };
    let key_handle = (salted && hkdf.ulSaltType == ck::CKF_HKDF_SALT_KEY).then_some(hkdf.hSaltKey);
    let parameter = Parameter::Hkdf(wire::HkdfParams {
        extract: salted,
        expand: hkdf.bExpand != 0,
        hash: hkdf.prfHashMechanism,
        salt_kind: hkdf.ulSaltType,
        salt,
        salt_key: None,
        info: copy(hkdf.pInfo, hkdf.ulInfoLen, MAX_TEXT_BYTES)?,
    });
    Ok(Raw::Given(Given { parameter, key_handle, message_len: None }))
}

fn pbkdf2(pbkdf2: ck::CK_PKCS5_PBKD2_PARAMS2) -> Result<Option<Parameter>> {
    if pbkdf2.saltSource != ck::CKZ_SALT_SPECIFIED || pbkdf2.ulPrfDataLen > 0 {
        return Ok(None);
    }
    Ok(Some(Parameter::Pbkdf2(wire::Pbkdf2Params {
        prf: pbkdf2.prf,
        salt: copy(pbkdf2.pSaltSourceData.cast(), pbkdf2.ulSaltSourceDataLen, MAX_TEXT_BYTES)?,
        iterations: pbkdf2.iterations,
        password: copy(pbkdf2.pPassword, password_len(pbkdf2.ulPasswordLen)?, MAX_PASSPHRASE_BYTES)?,
    })))
}

/// The password's length. In 2.40's structure, which NSS still sends, that member is the address of the length; both
/// structures have one size. No password is as long as an address is high, and nothing is mapped as low as a password
/// is long.
fn password_len(len_or_address: u64) -> Result<u64> {
    if len_or_address <= MAX_PASSPHRASE_BYTES as u64 {
        return Ok(len_or_address);
    }
    let mut len: u64 = 0;
    let here = libc::iovec { iov_base: (&raw mut len).cast(), iov_len: size_of::<u64>() };
    let there =
        libc::iovec { iov_base: ptr::without_provenance_mut(len_or_address as usize), iov_len: size_of::<u64>() };
    // SAFETY: `here` is `len`, which is ours and outlives the call. The kernel checks `there`: what is no address of this
    // process is an error and no crash, since a length that is only too long must not be one either.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &raw const here, 1, &raw const there, 1, 0) };
    if copied == size_of::<u64>() as isize { Ok(len) } else { Err(Error::MechanismParamInvalid) }
}

fn counter_kdf(kdf: ck::CK_SP800_108_KDF_PARAMS) -> Result<Option<Parameter>> {
    let parts = copy_all(kdf.pDataParams, kdf.ulNumberOfDataParams, MAX_KDF_PARTS)?;
    let Some(parts) = parts.into_iter().map(kdf_part).collect::<Result<Option<Vec<_>>>>()? else { return Ok(None) };
    let additional_keys = additional_keys(kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys)?;
    let iv = Bytes::new();
    Ok(Some(Parameter::Sp800108(wire::CounterKdfParams { prf: kdf.prfType, parts, iv, additional_keys })))
}

fn feedback_kdf(kdf: ck::CK_SP800_108_FEEDBACK_KDF_PARAMS) -> Result<Option<Parameter>> {
    let parts = copy_all(kdf.pDataParams, kdf.ulNumberOfDataParams, MAX_KDF_PARTS)?;
    let Some(parts) = parts.into_iter().map(kdf_part).collect::<Result<Option<Vec<_>>>>()? else { return Ok(None) };
    let additional_keys = additional_keys(kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys)?;
    let iv = copy(kdf.pIV, kdf.ulIVLen, MAX_TEXT_BYTES)?;
    Ok(Some(Parameter::Sp800108(wire::CounterKdfParams { prf: kdf.prfType, parts, iv, additional_keys })))
}

/// One part of what the pseudo-random function reads (PKCS#11 3.2 section 6.42.2).
fn kdf_part(part: ck::CK_PRF_DATA_PARAM) -> Result<Option<wire::KdfPart>> {
    let narrow = |bits: u64| u32::try_from(bits).map_err(|_| Error::MechanismParamInvalid);
    let mut out = wire::KdfPart { r#type: part.type_, ..wire::KdfPart::default() };
    match part.type_ {
        ck::CK_SP800_108_BYTE_ARRAY => out.data = copy(part.pValue.cast(), part.ulValueLen, MAX_TEXT_BYTES)?,
        ck::CK_SP800_108_ITERATION_VARIABLE | ck::CK_SP800_108_COUNTER if part.ulValueLen > 0 => {
            let Some(format) = counted::<ck::CK_SP800_108_COUNTER_FORMAT>(&part)? else { return Ok(None) };
            out.little_endian = format.bLittleEndian != 0;
            out.width_bits = narrow(format.ulWidthInBits)?;
        }
        // The chaining value of the feedback and double-pipeline modes has no format.
        ck::CK_SP800_108_ITERATION_VARIABLE => {}
        ck::CK_SP800_108_DKM_LENGTH => {
            let Some(format) = counted::<ck::CK_SP800_108_DKM_LENGTH_FORMAT>(&part)? else { return Ok(None) };
            out.length_method = format.dkmLengthMethod;
            out.little_endian = format.bLittleEndian != 0;
            out.width_bits = narrow(format.ulWidthInBits)?;
        }
        _ => return Ok(None),
    }
    Ok(Some(out))
}

/// The structure that a part points to, if its length is right.
fn counted<T: Copy>(part: &ck::CK_PRF_DATA_PARAM) -> Result<Option<T>> {
    if part.ulValueLen != size_of::<T>() as u64 {
        return Ok(None);
    }
    Ok(copy_all(part.pValue.cast::<T>(), 1, 1)?.into_iter().next())
}

fn additional_keys(keys: *const ck::CK_DERIVED_KEY, count: u64) -> Result<Vec<wire::AttributeList>> {
    let keys = copy_all(keys, count, MAX_ADDITIONAL_KEYS)?;
    keys.into_iter()
        .map(|key| {
            // SAFETY: the template is valid for the count beside it, as `read` asks.
            let template = unsafe { Template::new(key.pTemplate, key.ulAttributeCount) };
            Ok(wire::AttributeList { attributes: template.parse()? })
        })
        .collect()
}

/// Where the handles of SP 800-108's additional keys go; empty for every other mechanism.
///
/// # Safety
/// As [`read`].
pub unsafe fn additional_handles(row: &Row, given: &ck::CK_MECHANISM) -> Result<Vec<*mut ck::CK_OBJECT_HANDLE>> {
    let source = Source(given);
    let (keys, count) = match row.parameter() {
        _ if given.pParameter.is_null() => return Ok(Vec::new()),
        ParameterKind::CounterKdf => match source.structure::<ck::CK_SP800_108_KDF_PARAMS>() {
            Some(kdf) => (kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys),
            None => return Ok(Vec::new()),
        },
        ParameterKind::FeedbackKdf => match source.structure::<ck::CK_SP800_108_FEEDBACK_KDF_PARAMS>() {
            Some(kdf) => (kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys),
            None => return Ok(Vec::new()),
        },
        _ => return Ok(Vec::new()),
    };
    Ok(copy_all(keys, count, MAX_ADDITIONAL_KEYS)?.into_iter().map(|key| key.phKey).collect())
}

fn key_handle(handle: ck::CK_OBJECT_HANDLE) -> Raw {
    let parameter = Parameter::OtherKey(wire::KeyRef::default());
    Raw::Given(Given { parameter, key_handle: Some(handle), message_len: None })
}

fn data(data: ck::CK_KEY_DERIVATION_STRING_DATA) -> Result<Parameter> {
    Ok(Parameter::Data(copy(data.pData, data.ulLen, MAX_TEXT_BYTES)?))
}

fn cbc_data(cbc: ck::CK_AES_CBC_ENCRYPT_DATA_PARAMS) -> Result<Parameter> {
    let data = copy(cbc.pData, cbc.length, MAX_TEXT_BYTES)?;
    Ok(Parameter::CbcData(wire::CbcDataParams { iv: Bytes::copy_from_slice(&cbc.iv), data }))
}
