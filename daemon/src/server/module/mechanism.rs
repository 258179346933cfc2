//! TABLE: PKCS#11 mechanisms as the schemes of the crypto room. Anything not here is refused.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{EncryptScheme, Hash, SignScheme},
    pkcs11::v1::{Mechanism, RsaPssParams, mechanism::Parameter},
};

use crate::error::{Error, ErrorCode, Result};

fn unsupported(mechanism: u64) -> Error {
    Error::new(ErrorCode::UnsupportedAlgorithm, format!("mechanism 0x{mechanism:x} is not known here"))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorCode::InvalidParameters, what)
}

/// The scheme of a signing mechanism, and its name for the audit log. A mechanism that hashes gets the digest from the module.
pub fn sign(mechanism: &Mechanism) -> Result<(SignScheme, Cow<'static, str>)> {
    let pkcs1 = |hash, name: &'static str| Ok((SignScheme::RsaPkcs1(hash), name.into()));
    let pss = |hash: Option<Hash>, name: &'static str| match &mechanism.parameter {
        Some(Parameter::RsaPss(parameters)) => Ok((pss(parameters, hash)?, name.into())),
        _ => Err(invalid("the mechanism needs CK_RSA_PKCS_PSS_PARAMS")),
    };
    let ecdsa = |name: &'static str| Ok((SignScheme::Ecdsa, name.into()));
    match mechanism.r#type {
        ck::CKM_RSA_PKCS => Ok((SignScheme::RsaPkcs1Raw, "CKM_RSA_PKCS".into())),
        ck::CKM_RSA_X_509 => Ok((SignScheme::RsaRaw, "CKM_RSA_X_509".into())),
        ck::CKM_SHA1_RSA_PKCS => pkcs1(Hash::Sha1, "CKM_SHA1_RSA_PKCS"),
        ck::CKM_SHA224_RSA_PKCS => pkcs1(Hash::Sha224, "CKM_SHA224_RSA_PKCS"),
        ck::CKM_SHA256_RSA_PKCS => pkcs1(Hash::Sha256, "CKM_SHA256_RSA_PKCS"),
        ck::CKM_SHA384_RSA_PKCS => pkcs1(Hash::Sha384, "CKM_SHA384_RSA_PKCS"),
        ck::CKM_SHA512_RSA_PKCS => pkcs1(Hash::Sha512, "CKM_SHA512_RSA_PKCS"),
        ck::CKM_RSA_PKCS_PSS => pss(None, "CKM_RSA_PKCS_PSS"),
        ck::CKM_SHA1_RSA_PKCS_PSS => pss(Some(Hash::Sha1), "CKM_SHA1_RSA_PKCS_PSS"),
        ck::CKM_SHA224_RSA_PKCS_PSS => pss(Some(Hash::Sha224), "CKM_SHA224_RSA_PKCS_PSS"),
        ck::CKM_SHA256_RSA_PKCS_PSS => pss(Some(Hash::Sha256), "CKM_SHA256_RSA_PKCS_PSS"),
        ck::CKM_SHA384_RSA_PKCS_PSS => pss(Some(Hash::Sha384), "CKM_SHA384_RSA_PKCS_PSS"),
        ck::CKM_SHA512_RSA_PKCS_PSS => pss(Some(Hash::Sha512), "CKM_SHA512_RSA_PKCS_PSS"),
        ck::CKM_ECDSA => ecdsa("CKM_ECDSA"),
        ck::CKM_ECDSA_SHA1 => ecdsa("CKM_ECDSA_SHA1"),
        ck::CKM_ECDSA_SHA224 => ecdsa("CKM_ECDSA_SHA224"),
        ck::CKM_ECDSA_SHA256 => ecdsa("CKM_ECDSA_SHA256"),
        ck::CKM_ECDSA_SHA384 => ecdsa("CKM_ECDSA_SHA384"),
        ck::CKM_ECDSA_SHA512 => ecdsa("CKM_ECDSA_SHA512"),
        other => Err(unsupported(other)),
    }
}

/// The scheme of a decryption mechanism, and its name.
pub fn decrypt(mechanism: &Mechanism) -> Result<(EncryptScheme, Cow<'static, str>)> {
    match (mechanism.r#type, &mechanism.parameter) {
        (ck::CKM_RSA_PKCS_OAEP, Some(Parameter::RsaOaep(parameters))) => {
            let (hash, mgf) = (hash(parameters.hash)?, mgf(parameters.mgf)?);
            let scheme = EncryptScheme::RsaOaep { hash, mgf, label: parameters.label.to_vec() };
            Ok((scheme, "CKM_RSA_PKCS_OAEP".into()))
        }
        (ck::CKM_RSA_PKCS_OAEP, _) => Err(invalid("the mechanism needs CK_RSA_PKCS_OAEP_PARAMS")),
        (other, _) => Err(unsupported(other)),
    }
}

fn pss(parameters: &RsaPssParams, hashed_with: Option<Hash>) -> Result<SignScheme> {
    let hash = hash(parameters.hash)?;
    // PKCS#11 3.2 section 6.1.10: a mechanism that hashes must name the same hash in its parameters.
    if hashed_with.is_some_and(|hashed| hashed != hash) {
        return Err(invalid("the mechanism's hash and its parameters' differ"));
    }
    let salt_len_bytes = usize::try_from(parameters.salt_len_bytes).map_err(|_| invalid("the salt is too long"))?;
    Ok(SignScheme::RsaPss { hash, mgf: mgf(parameters.mgf)?, salt_len_bytes })
}

fn hash(mechanism: u64) -> Result<Hash> {
    match mechanism {
        ck::CKM_SHA_1 => Ok(Hash::Sha1),
        ck::CKM_SHA224 => Ok(Hash::Sha224),
        ck::CKM_SHA256 => Ok(Hash::Sha256),
        ck::CKM_SHA384 => Ok(Hash::Sha384),
        ck::CKM_SHA512 => Ok(Hash::Sha512),
        _ => Err(invalid("the hash is not known here")),
    }
}

fn mgf(mgf: u64) -> Result<Hash> {
    match mgf {
        ck::CKG_MGF1_SHA1 => Ok(Hash::Sha1),
        ck::CKG_MGF1_SHA224 => Ok(Hash::Sha224),
        ck::CKG_MGF1_SHA256 => Ok(Hash::Sha256),
        ck::CKG_MGF1_SHA384 => Ok(Hash::Sha384),
        ck::CKG_MGF1_SHA512 => Ok(Hash::Sha512),
        _ => Err(invalid("the mask generation function is not known here")),
    }
}
