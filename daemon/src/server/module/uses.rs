//! The module's requests that use keys, as operations of the pipeline.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{self, KeyRef, key_ref};

use super::mechanism;
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    ops::{
        decapsulate_key::DecapsulateKey, decrypt::Decrypt, derive_key::DeriveKey, encapsulate_key::EncapsulateKey,
        encrypt_secret::EncryptSecret, generate_key::GenerateKey, sign::Sign, unwrap_key::UnwrapKey,
        update_mac::UpdateMac, verify_mac::VerifyMac, wrap_key::WrapKey,
    },
    policy::{KeyName, VaultName},
};

/// The key of a reference.
pub fn key(key: Option<KeyRef>) -> Result<KeyName> {
    match key.and_then(|key| key.key) {
        Some(key_ref::Key::Object(object)) => Ok(KeyName::Object(Id::from_bytes(&object.unique_id)?, object.class)),
        Some(key_ref::Key::Sealed(sealed)) => Ok(KeyName::Sealed(sealed)),
        None => Err(Error::new(ErrorCode::InvalidArgument, "the request names no key")),
    }
}

/// The key of a reference among a mechanism's parameters: a secret key, as far as can be seen.
pub fn secret_key(reference: Option<KeyRef>) -> Result<KeyName> {
    match key(reference)? {
        KeyName::Object(_, class) if class != ck::CKO_SECRET_KEY => {
            Err(Error::new(ErrorCode::KeyTypeMismatch, "the second key is no secret key"))
        }
        name => Ok(name),
    }
}

/// The key, and the one-time grant that came with it.
fn granted(reference: Option<KeyRef>) -> Result<(KeyName, Bytes)> {
    let grant = reference.as_ref().map(|key| key.one_time_grant.clone()).unwrap_or_default();
    Ok((key(reference)?, grant))
}

fn given(mechanism: Option<v1::Mechanism>) -> Result<v1::Mechanism> {
    mechanism.ok_or_else(|| Error::new(ErrorCode::InvalidParameters, "the request has no mechanism"))
}

/// C_GenerateKey; one of its mechanisms has a parameter.
pub fn generate_key(vault: Id, request: v1::GenerateKey) -> Result<GenerateKey> {
    let password = match &request.mechanism {
        Some(mechanism) if mechanism.r#type == ck::CKM_PKCS5_PBKD2 => Some(mechanism::pbkdf2(mechanism)?),
        _ => None,
    };
    GenerateKey::parse(vault, request, password)
}

/// C_Sign, C_SignRecover and the end of C_SignFinal.
pub fn sign(vault: Id, request: v1::Sign) -> Result<Sign> {
    let method = mechanism::sign(&given(request.mechanism)?, request.recover)?;
    let (key, grant) = granted(request.key)?;
    let sign = Sign::new(VaultName::Id(vault), key, method, request.data)?;
    Ok(sign.recovering(request.recover).after(request.mac_state).granted(grant))
}

/// C_Verify of a MAC.
pub fn verify(vault: Id, request: v1::Verify) -> Result<VerifyMac> {
    Ok(VerifyMac {
        vault: VaultName::Id(vault),
        key: key(request.key)?,
        method: mechanism::sign(&given(request.mechanism)?, false)?,
        data: request.data,
        mac: request.signature,
        mac_state: request.mac_state,
    })
}

/// A part of C_SignUpdate or C_VerifyUpdate.
pub fn update_mac(vault: Id, request: v1::UpdateMac) -> Result<UpdateMac> {
    let method = mechanism::sign(&given(request.mechanism)?, false)?;
    UpdateMac::new(VaultName::Id(vault), key(request.key)?, method, request.verify, request.mac_state, request.data)
}

/// C_Encrypt with a secret key, or a part of C_EncryptUpdate.
pub fn encrypt(vault: Id, request: v1::Encrypt) -> Result<EncryptSecret> {
    let method = mechanism::encrypt(&given(request.mechanism)?, request.partial)?;
    Ok(EncryptSecret { vault: VaultName::Id(vault), key: key(request.key)?, method, plaintext: request.plaintext })
}

/// C_Decrypt, or a part of C_DecryptUpdate.
pub fn decrypt(vault: Id, request: v1::Decrypt) -> Result<Decrypt<false>> {
    let method = mechanism::decrypt(&given(request.mechanism)?, request.partial)?;
    let (key, grant) = granted(request.key)?;
    Decrypt::new(VaultName::Id(vault), key, method, request.ciphertext, grant)
}

/// C_WrapKey and C_WrapKeyAuthenticated.
pub fn wrap_key(vault: Id, request: v1::WrapKey) -> Result<WrapKey> {
    Ok(WrapKey {
        vault: VaultName::Id(vault),
        wrapping_key: key(request.wrapping_key)?,
        method: mechanism::wrap(&given(request.mechanism)?, ck::CKF_WRAP, &request.associated_data)?,
        key: key(request.key)?,
    })
}

/// C_UnwrapKey and C_UnwrapKeyAuthenticated.
pub fn unwrap_key(vault: Id, request: v1::UnwrapKey) -> Result<UnwrapKey> {
    let method = mechanism::wrap(&given(request.mechanism)?, ck::CKF_UNWRAP, &request.associated_data)?;
    let key = key(request.unwrapping_key)?;
    UnwrapKey::new(vault, key, method, request.wrapped, request.template, &request.request_id)
}

/// C_DeriveKey.
pub fn derive_key(vault: Id, request: v1::DeriveKey) -> Result<DeriveKey> {
    let method = mechanism::derive(&given(request.mechanism)?)?;
    DeriveKey::new(vault, key(request.base_key)?, method, request.template, &request.request_id)
}

/// C_EncapsulateKey.
pub fn encapsulate_key(vault: Id, request: v1::EncapsulateKey) -> Result<EncapsulateKey> {
    let method = mechanism::encapsulate(&given(request.mechanism)?, ck::CKF_ENCAPSULATE)?;
    EncapsulateKey::new(vault, key(request.public_key)?, method, request.template)
}

/// C_DecapsulateKey.
pub fn decapsulate_key(vault: Id, request: v1::DecapsulateKey) -> Result<DecapsulateKey> {
    let method = mechanism::encapsulate(&given(request.mechanism)?, ck::CKF_DECAPSULATE)?;
    let key = key(request.private_key)?;
    DecapsulateKey::new(vault, key, method, request.ciphertext, request.template, &request.request_id)
}

#[cfg(test)]
mod tests;
