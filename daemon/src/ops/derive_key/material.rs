//! The bytes of derived keys: the lengths that the templates ask for, and what each mechanism makes of the base key.

use cryptoki_sys as ck;
use der::{Decode, asn1::OctetString};
use softkeep_proto::{
    algorithm::KeyType,
    mechanism::{Family, Row},
};
use zeroize::Zeroizing;

use crate::{
    crypto::{cipher, hashes, kdf},
    error::{Error, ErrorCode, Result},
    keys::{OpenKey, catalog::Version},
    ops::{
        method::{Derivation, Salt},
        new_object,
        template::Template,
    },
    policy::wrapping::{check_cut, check_turn},
};

type Secret = Zeroizing<Vec<u8>>;

/// What is derived from.
pub struct Base<'a> {
    /// The key.
    pub version: &'a Version,
    /// The same, open.
    pub key: &'a OpenKey,
    /// The second key, where there is one.
    pub other: Option<(&'a Version, &'a OpenKey)>,
}

/// The bytes of the keys that these templates ask for: one, or for SP 800-108 several.
pub fn derive(base: &Base<'_>, row: &Row, how: &Derivation, templates: &[Template]) -> Result<Vec<Secret>> {
    let lens = templates.iter().map(|template| wanted_len(row, template)).collect::<Result<Vec<_>>>()?;
    if let Derivation::Counter { mode, prf, parts, .. } = how {
        let lens = lens.into_iter().map(|len| len.ok_or_else(missing_len)).collect::<Result<Vec<_>>>()?;
        return kdf::sp800_108::derive(mode, prf, base.key.secret()?, parts, &lens).map_err(about_parameters);
    }
    let len = lens.first().copied().flatten();
    Ok(vec![one(base, how, len)?])
}

/// How long the template wants the key; of a data object CKA_VALUE_LEN says it as well.
fn wanted_len(row: &Row, template: &Template) -> Result<Option<usize>> {
    if row.family != Family::HkdfData {
        return new_object::secret_len(template);
    }
    let len = template.peek_number(ck::CKA_VALUE_LEN)?;
    Ok(len.map(|len| usize::try_from(len).unwrap_or(usize::MAX)))
}

fn missing_len() -> Error {
    Error::new(ErrorCode::TemplateIncomplete, "CKA_VALUE_LEN is missing")
}

fn too_long(most: usize) -> Error {
    Error::new(ErrorCode::TemplateInconsistent, format!("the mechanism gives at most {most} bytes"))
}

/// What is wrong with a length or a public value is wrong with the mechanism's parameter or the template, not with data.
fn about_parameters(error: Error) -> Error {
    match error.code {
        ErrorCode::InvalidLength => Error { code: ErrorCode::TemplateInconsistent, ..error },
        _ => error,
    }
}

fn one(base: &Base<'_>, how: &Derivation, len: Option<usize>) -> Result<Secret> {
    match how {
        Derivation::Ecdh { kdf, shared_data, peer } => {
            let agreed = agree(base, &point(base.version.key_type, peer))?;
            let len = match (len, kdf) {
                (Some(len), _) => len,
                (None, kdf::AgreementKdf::Null) => agreed.len(),
                (None, _) => return Err(missing_len()),
            };
            kdf::agreement(*kdf, &agreed, shared_data, len).map_err(about_parameters)
        }
        Derivation::Dh { peer } => {
            let agreed = agree(base, peer)?;
            let len = len.unwrap_or(agreed.len());
            kdf::agreement(kdf::AgreementKdf::Null, &agreed, &[], len).map_err(about_parameters)
        }
        Derivation::Hkdf { hash, extract, expand } => {
            let salt = match extract {
                None => None,
                Some(Salt::None) => Some(&[][..]),
                Some(Salt::Bytes(salt)) => Some(&salt[..]),
                Some(Salt::Key(_)) => Some(other(base)?.1),
            };
            let len = match (len, expand) {
                (Some(len), _) => len,
                (None, None) => hash.len(),
                (None, Some(_)) => return Err(missing_len()),
            };
            let info = expand.as_deref().unwrap_or_default();
            kdf::hkdf(*hash, salt, expand.is_some(), base.key.secret()?, info, len).map_err(about_parameters)
        }
        Derivation::Encrypt { cipher, data } => {
            front(Zeroizing::new(cipher::encrypt(cipher, base.key.secret()?, data)?), len)
        }
        Derivation::Digest(hash) => front(hashes::secret_digest(*hash, &[base.key.secret()?]), len),
        Derivation::AppendKey(_)
        | Derivation::Append(_)
        | Derivation::Prepend(_)
        | Derivation::Xor(_)
        | Derivation::Extract(_) => of_own_bytes(base, how, len),
        Derivation::Counter { .. } => Err(Error::internal("several keys where one was asked for")),
    }
}

/// The derivations whose result has the base's own bytes in it: all, if nobody may read them (`policy/wrapping.rs`).
fn of_own_bytes(base: &Base<'_>, how: &Derivation, len: Option<usize>) -> Result<Secret> {
    let secret = base.key.secret()?;
    let (whole, before) = match how {
        Derivation::AppendKey(_) => (kdf::concatenate(secret, other(base)?.1), 0),
        Derivation::Append(data) => (kdf::concatenate(secret, data), 0),
        Derivation::Prepend(data) => (kdf::concatenate(data, secret), data.len()),
        Derivation::Xor(data) => (kdf::xor(secret, data), 0),
        Derivation::Extract(first_bit) => {
            let len = len.ok_or_else(missing_len)?;
            let extracted = kdf::extract(secret, *first_bit, len).map_err(about_parameters)?;
            check_cut(&base.version.policy, secret.len(), extracted.len())?;
            check_turn(&base.version.policy, *first_bit)?;
            return Ok(extracted);
        }
        _ => return Err(Error::internal("a derivation without the base's own bytes")),
    };
    let value = front(whole, len)?;
    let own = value.len().saturating_sub(before).min(secret.len());
    check_cut(&base.version.policy, secret.len(), own)?;
    if let Derivation::AppendKey(_) = how {
        let (version, second) = other(base)?;
        check_cut(&version.policy, second.len(), value.len().saturating_sub(secret.len()))?;
    }
    Ok(value)
}

fn other<'a>(base: &Base<'a>) -> Result<(&'a Version, &'a [u8])> {
    let (version, key) = base.other.ok_or_else(|| Error::internal("the second key is missing"))?;
    Ok((version, key.secret()?))
}

fn front(mut bytes: Secret, len: Option<usize>) -> Result<Secret> {
    let len = len.unwrap_or(bytes.len());
    if len > bytes.len() {
        return Err(too_long(bytes.len()));
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// What is wrong with the other side's public value is wrong with the mechanism's parameter.
fn agree(base: &Base<'_>, peer: &[u8]) -> Result<Secret> {
    base.key.private()?.agree(peer).map_err(|error| match error.code {
        ErrorCode::Internal | ErrorCode::KeyTypeMismatch => error,
        _ => Error::new(ErrorCode::InvalidParameters, "the other side's public value is not valid for this key"),
    })
}

/// Applications give a point as it is or in a DER OCTET STRING (PKCS#11 3.2 section 6.3.17); its length tells which.
fn point(key_type: KeyType, given: &[u8]) -> Vec<u8> {
    let bare = match key_type {
        KeyType::Ec(curve) => [1 + curve.width_bytes(), 1 + 2 * curve.width_bytes()].contains(&given.len()),
        KeyType::Montgomery(curve) => given.len() == curve.key_bytes(),
        _ => true,
    };
    let inner = OctetString::from_der(given).ok().filter(|_| !bare);
    inner.map_or_else(|| given.to_vec(), |inner| inner.as_bytes().to_vec())
}
