//! Mechanisms that make one key of another, and PBKDF2, which makes one of a password.

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::Hash,
    limits::{MAX_SECRET_BYTES, MAX_TEMPLATE_ATTRIBUTES},
    mechanism::{Family, Row},
    pkcs11::v1::{CounterKdfParams, HkdfParams, KdfPart, Mechanism, mechanism::Parameter},
};
use zeroize::Zeroizing;

use super::{hash, invalid, no_parameter, row, sign::pseudo_random, size};
use crate::{
    crypto::{
        cipher::Cipher,
        kdf::{
            AgreementKdf,
            sp800_108::{DataParam, LengthMethod, Mode, NumberFormat},
        },
    },
    error::{Error, ErrorCode, Result},
    ops::{
        generate_key::{MAX_PBKDF2_ROUNDS, Password},
        method::{Derivation, Method, Salt},
    },
    server::module::uses::secret_key,
};

/// Pieces of SP 800-108's input, and keys beside the first: more than any protocol has.
const MAX_KDF_PARTS: usize = 32;
const MAX_ADDITIONAL_KEYS: usize = 16;

/// A password's longest form; also that of data that is added to a key.
const MAX_DATA_BYTES: usize = MAX_SECRET_BYTES;

/// How a mechanism derives.
pub fn derive(mechanism: &Mechanism) -> Result<Method<Derivation>> {
    let row = row(mechanism, ck::CKF_DERIVE)?;
    let missing = || invalid(row, "its parameter is missing or another's");
    let how = match (row.family, &mechanism.parameter) {
        (Family::Ecdh, Some(Parameter::Ecdh(parameters))) => Derivation::Ecdh {
            kdf: agreement_kdf(row, parameters.kdf)?,
            shared_data: short(row, &parameters.shared_data)?,
            peer: short(row, &parameters.public_data)?,
        },
        (Family::Dh, Some(Parameter::DhPublic(peer))) => Derivation::Dh { peer: short(row, peer)? },
        (Family::Hkdf | Family::HkdfData, Some(Parameter::Hkdf(parameters))) => hkdf(row, parameters)?,
        (
            Family::CounterKdf | Family::FeedbackKdf | Family::DoublePipelineKdf,
            Some(Parameter::Sp800108(parameters)),
        ) => counter(row, parameters)?,
        (Family::ConcatenateBaseAndKey, Some(Parameter::OtherKey(key))) => {
            Derivation::AppendKey(secret_key(Some(key.clone()))?)
        }
        (Family::ConcatenateBaseAndData, Some(Parameter::Data(data))) => Derivation::Append(short(row, data)?),
        (Family::ConcatenateDataAndBase, Some(Parameter::Data(data))) => Derivation::Prepend(short(row, data)?),
        (Family::XorBaseAndData, Some(Parameter::Data(data))) => Derivation::Xor(short(row, data)?),
        (Family::ExtractKey, Some(Parameter::FirstBit(bit))) => Derivation::Extract(size(row, *bit)?),
        (Family::AesEcbEncryptData, Some(Parameter::Data(data))) => {
            Derivation::Encrypt { cipher: Cipher::AesEcb, data: blocks(row, data)? }
        }
        (Family::AesCbcEncryptData, Some(Parameter::CbcData(parameters))) => {
            let iv = parameters.iv.as_ref().try_into().map_err(|_| invalid(row, "its IV has 16 bytes"))?;
            Derivation::Encrypt { cipher: Cipher::AesCbc { iv }, data: blocks(row, &parameters.data)? }
        }
        (Family::HashDerive, _) => {
            no_parameter(row, mechanism)?;
            Derivation::Digest(row.hash.ok_or_else(|| Error::internal("a hash derivation without a hash"))?)
        }
        (family, _) if derives(family) => return Err(missing()),
        _ => return Err(Error::new(ErrorCode::UnsupportedAlgorithm, format!("{} derives nothing", row.name))),
    };
    Ok(Method { row, how })
}

fn derives(family: Family) -> bool {
    use Family as F;
    matches!(
        family,
        F::Ecdh
            | F::Dh
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
            | F::AesEcbEncryptData
            | F::AesCbcEncryptData
    )
}

fn short(row: &Row, data: &[u8]) -> Result<Vec<u8>> {
    match data.len() {
        0..=MAX_DATA_BYTES => Ok(data.to_vec()),
        _ => Err(invalid(row, &format!("it takes at most {MAX_DATA_BYTES} bytes"))),
    }
}

/// Data that becomes a key by encryption has whole blocks (PKCS#11 3.2 section 6.15).
fn blocks(row: &Row, data: &[u8]) -> Result<Vec<u8>> {
    match data.len().is_multiple_of(16) && !data.is_empty() {
        true => short(row, data),
        false => Err(invalid(row, "its data has whole blocks of 16 bytes")),
    }
}

/// CKD_*.
pub fn agreement_kdf(row: &Row, number: u64) -> Result<AgreementKdf> {
    use AgreementKdf::{Null, OneStep, X963};
    Ok(match number {
        ck::CKD_NULL => Null,
        ck::CKD_SHA1_KDF => X963(Hash::Sha1),
        ck::CKD_SHA224_KDF => X963(Hash::Sha224),
        ck::CKD_SHA256_KDF => X963(Hash::Sha256),
        ck::CKD_SHA384_KDF => X963(Hash::Sha384),
        ck::CKD_SHA512_KDF => X963(Hash::Sha512),
        ck::CKD_SHA3_224_KDF => X963(Hash::Sha3_224),
        ck::CKD_SHA3_256_KDF => X963(Hash::Sha3_256),
        ck::CKD_SHA3_384_KDF => X963(Hash::Sha3_384),
        ck::CKD_SHA3_512_KDF => X963(Hash::Sha3_512),
        ck::CKD_SHA1_KDF_SP800 => OneStep(Hash::Sha1),
        ck::CKD_SHA224_KDF_SP800 => OneStep(Hash::Sha224),
        ck::CKD_SHA256_KDF_SP800 => OneStep(Hash::Sha256),
        ck::CKD_SHA384_KDF_SP800 => OneStep(Hash::Sha384),
        ck::CKD_SHA512_KDF_SP800 => OneStep(Hash::Sha512),
        ck::CKD_SHA3_224_KDF_SP800 => OneStep(Hash::Sha3_224),
        ck::CKD_SHA3_256_KDF_SP800 => OneStep(Hash::Sha3_256),
        ck::CKD_SHA3_384_KDF_SP800 => OneStep(Hash::Sha3_384),
        ck::CKD_SHA3_512_KDF_SP800 => OneStep(Hash::Sha3_512),
        _ => return Err(invalid(row, "the key derivation function is not known here")),
    })
}

fn hkdf(row: &Row, parameters: &HkdfParams) -> Result<Derivation> {
    if !parameters.extract && !parameters.expand {
        return Err(invalid(row, "it extracts, expands or both"));
    }
    let salt = match (parameters.salt_kind, &parameters.salt_key) {
        (ck::CKF_HKDF_SALT_NULL, None) => Salt::None,
        (ck::CKF_HKDF_SALT_DATA, None) => Salt::Bytes(short(row, &parameters.salt)?),
        (ck::CKF_HKDF_SALT_KEY, Some(key)) => Salt::Key(secret_key(Some(key.clone()))?),
        // Only who extracts needs a salt; the others may leave the field as it was.
        (0, None) if !parameters.extract => Salt::None,
        _ => return Err(invalid(row, "its salt is none, bytes or a key")),
    };
    Ok(Derivation::Hkdf {
        hash: hash(row, parameters.hash)?,
        extract: parameters.extract.then_some(salt),
        expand: parameters.expand.then(|| short(row, &parameters.info)).transpose()?,
    })
}

fn counter(row: &Row, parameters: &CounterKdfParams) -> Result<Derivation> {
    if parameters.parts.len() > MAX_KDF_PARTS || parameters.additional_keys.len() > MAX_ADDITIONAL_KEYS {
        return Err(invalid(row, "its input has too many parts, or too many keys come out"));
    }
    let mode = match row.family {
        Family::CounterKdf => Mode::Counter,
        Family::FeedbackKdf => Mode::Feedback { iv: short(row, &parameters.iv)? },
        _ => Mode::DoublePipeline,
    };
    let templates = parameters.additional_keys.iter().map(|template| template.attributes.clone());
    let additional: Vec<_> = templates.collect();
    if additional.iter().any(|template| template.len() > MAX_TEMPLATE_ATTRIBUTES) {
        return Err(Error::new(ErrorCode::TemplateInconsistent, "a template has too many attributes"));
    }
    // All of it goes into each of thousands of rounds.
    if parameters.parts.iter().map(|part| part.data.len()).sum::<usize>() > MAX_DATA_BYTES {
        return Err(invalid(row, &format!("its input has at most {MAX_DATA_BYTES} bytes of data")));
    }
    let parts = parameters.parts.iter().map(|part| kdf_part(row, part)).collect::<Result<_>>()?;
    Ok(Derivation::Counter { mode, prf: pseudo_random(row, parameters.prf)?, parts, additional })
}

fn kdf_part(row: &Row, part: &KdfPart) -> Result<DataParam> {
    let format = NumberFormat { little_endian: part.little_endian, width_bits: part.width_bits };
    Ok(match part.r#type {
        ck::CK_SP800_108_ITERATION_VARIABLE => {
            let counts = row.family == Family::CounterKdf || part.width_bits != 0;
            DataParam::IterationVariable(counts.then_some(format))
        }
        ck::CK_SP800_108_COUNTER => DataParam::Counter(format),
        ck::CK_SP800_108_DKM_LENGTH => {
            let method = match part.length_method {
                ck::CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => LengthMethod::SumOfKeys,
                ck::CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => LengthMethod::SumOfSegments,
                _ => return Err(invalid(row, "the method of counting its length is not known")),
            };
            DataParam::Length(method, format)
        }
        ck::CK_SP800_108_BYTE_ARRAY => DataParam::Bytes(Zeroizing::new(short(row, &part.data)?)),
        _ => return Err(invalid(row, "a part of its input is not known here")),
    })
}

/// CKM_PKCS5_PBKD2, which C_GenerateKey takes.
pub fn pbkdf2(mechanism: &Mechanism) -> Result<Password> {
    let row = row(mechanism, ck::CKF_GENERATE)?;
    let Some(Parameter::Pbkdf2(parameters)) = &mechanism.parameter else {
        return Err(invalid(row, "it takes CK_PKCS5_PBKD2_PARAMS2"));
    };
    let hash = match parameters.prf {
        ck::CKP_PKCS5_PBKD2_HMAC_SHA1 => Hash::Sha1,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA224 => Hash::Sha224,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA256 => Hash::Sha256,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA384 => Hash::Sha384,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512 => Hash::Sha512,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512_224 => Hash::Sha512_224,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512_256 => Hash::Sha512_256,
        _ => return Err(invalid(row, "the pseudo-random function is not known here")),
    };
    let iterations = match parameters.iterations {
        1..=MAX_PBKDF2_ROUNDS => u32::try_from(parameters.iterations).map_err(Error::internal)?,
        _ => return Err(invalid(row, &format!("it takes 1 to {MAX_PBKDF2_ROUNDS} iterations"))),
    };
    let (salt, password) = (short(row, &parameters.salt)?, Zeroizing::new(short(row, &parameters.password)?));
    Ok(Password { hash, salt, iterations, password })
}
