//! C_UnwrapKey: brings in a key that another key has wrapped. What must become of it is in `policy/wrapping.rs`. Whatever is wrong with
//! what came, there is one answer, which tells nothing about it.

use std::borrow::Cow;

use bytes::Bytes;
use cryptoki_sys as ck;
use der::{Decode, Header, Length, Reader, SliceReader};
use softkeep_proto::{
    algorithm::{EncryptScheme, Hash, SecretKind},
    pkcs11::v1::Attribute,
};
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    find_objects::Found,
    method::{self, Method, SECRET_OR_PRIVATE, Wrapping},
    names,
    new_object::{self, NewKey, NewObject, Provenance},
    sign,
    template::Template,
    wrap_key,
};
use crate::{
    crypto::{
        PrivateKey,
        cipher::{self, Cipher},
        hashes, key_wrap,
    },
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{OpenKey, catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to bring in, how, with which key.
pub struct UnwrapKey {
    vault: Id,
    unwrapping_key: KeyName,
    method: Method<Wrapping>,
    wrapped: Bytes,
    template: Vec<Attribute>,
    token: bool,
    request_id: String,
}

impl UnwrapKey {
    /// Checks what the application asks for.
    pub fn new(
        vault: Id,
        unwrapping_key: KeyName,
        method: Method<Wrapping>,
        wrapped: Bytes,
        template: Vec<Attribute>,
        request_id: &[u8],
    ) -> Result<Self> {
        sign::check_size(&wrapped)?;
        let token = new_object::is_token(&Template::parse(template.clone())?)?;
        let request_id = names::request_id(request_id)?;
        Ok(Self { vault, unwrapping_key, method, wrapped, template, token, request_id })
    }
}

impl Operation for UnwrapKey {
    const NAME: &'static str = "unwrapKey";
    const PERMISSION: Permission = Permission::UnwrapObject;
    const AUDITED: Audited = Audited::Use;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.unwrapping_key.clone())
    }

    fn audited(&self) -> Audited {
        if self.token { Audited::Administration } else { Audited::Use }
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::UNWRAP_OBJECT)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        if self.token { Lane::Store } else { method::lane(version, self.wrapped.len()) }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        let Method { row, how } = &operation.method;
        method::check_key(&grant, row, &SECRET_OR_PRIVATE)
            .map_err(|error| wrap_key::about_the_wrapping_key(error, ErrorCode::UnwrappingKeyMismatch))?;
        let policy = &grant.version()?.policy;
        let rules = Rules::of(&grant.vault()?.record)?;
        rules.check_wrapping(row, how)?;
        let must_be_sensitive = rules.check_unwrap(policy, how)?;
        let mut template = Template::parse(operation.template.clone())?;
        template.apply_rule(&policy.unwrap_template)?;
        let class = template.peek_number(ck::CKA_CLASS)?;
        let key = rooms.keys.open(&grant)?;
        let material = open(&key, how, &operation.wrapped, &template).map_err(one_answer)?;
        let trusted = policy.trusted || policy.is_trusted(ck::CKO_PUBLIC_KEY);
        let provenance = Provenance::unwrapped(must_be_sensitive, !trusted);
        let new = match class {
            Some(ck::CKO_SECRET_KEY) => NewKey::secret(template, cut(how, material, class)?, provenance),
            Some(ck::CKO_PRIVATE_KEY) => NewKey::private(template, cut(how, material, class)?, provenance),
            Some(_) => {
                return Err(Error::new(ErrorCode::TemplateInconsistent, "only secret and private keys are unwrapped"));
            }
            None => return Err(Error::new(ErrorCode::TemplateIncomplete, "CKA_CLASS is missing")),
        };
        let objects = vec![NewObject::Key(new.map_err(one_answer)?)];
        new_object::make(rooms, grant.caller(), operation.vault, objects, &operation.request_id)
    }
}

impl KeyUse for UnwrapKey {}

fn open(key: &OpenKey, how: &Wrapping, wrapped: &[u8], template: &Template) -> Result<Zeroizing<Vec<u8>>> {
    match how {
        Wrapping::Secret(cipher @ (Cipher::AesEcb | Cipher::AesCbc { .. })) => {
            let mut padded = cipher::decrypt(cipher, key.secret()?, wrapped)?;
            // Of a secret key the zeros that filled up the last block fall away by its length (PKCS#11 3.2 section 6.11.4).
            if template.peek_number(ck::CKA_CLASS)? == Some(ck::CKO_SECRET_KEY) {
                let len = new_object::secret_len(template)?.unwrap_or(padded.len());
                padded.truncate(len);
            }
            Ok(padded)
        }
        Wrapping::Secret(cipher) => cipher::decrypt(cipher, key.secret()?, wrapped),
        Wrapping::Rsa(EncryptScheme::RsaPkcs1) => open_pkcs1(key.private()?, wrapped, template),
        Wrapping::Rsa(scheme) => key.private()?.decrypt(scheme, wrapped),
        Wrapping::RsaAes { aes_bytes, oaep } => key_wrap::rsa_aes_unwrap(key.private()?, oaep, *aes_bytes, wrapped),
        Wrapping::EcdhAes { aes_bytes, kdf, shared_data } => {
            wrap_key::ecdh_parameters(*aes_bytes, *kdf, shared_data).unwrap(key.private()?, wrapped)
        }
    }
}

/// PKCS#1 v1.5: every ciphertext gives a key, and only whoever made it knows whether it is theirs. A length that fits no key of the type
/// would tell, so then another of a fitting length takes its place, always the same one for the same ciphertext. Both are always made, so
/// that the time tells nothing either.
fn open_pkcs1(key: &dyn PrivateKey, wrapped: &[u8], template: &Template) -> Result<Zeroizing<Vec<u8>>> {
    const LENGTHS: [usize; 3] = [16, 24, 32];
    if let Some(len) = new_object::secret_len(template)? {
        return key.decrypt_pkcs1_to_len(wrapped, len);
    }
    let kind = new_object::secret_kind(template)?;
    let found = key.decrypt(&EncryptScheme::RsaPkcs1, wrapped)?;
    let mut other = key.decrypt_pkcs1_to_len(wrapped, 33)?;
    let choice = hashes::secret_digest(Hash::Sha256, &[&other]).first().copied().unwrap_or_default();
    other.truncate(LENGTHS[usize::from(choice) % LENGTHS.len()]);
    let fits = u32::try_from(found.len()).is_ok_and(|len| kind.takes(len));
    // Of a generic key any length may be right; a message of nothing is not a key.
    Ok(if fits && (kind == SecretKind::Aes || !found.is_empty()) { found } else { other })
}

/// Without the zeros that filled up the last block of a private key: its DER says where it ends.
fn cut(how: &Wrapping, mut material: Zeroizing<Vec<u8>>, class: Option<u64>) -> Result<Zeroizing<Vec<u8>>> {
    if let (Wrapping::Secret(Cipher::AesEcb | Cipher::AesCbc { .. }), Some(ck::CKO_PRIVATE_KEY)) = (how, class) {
        let whole = der_len(&material).filter(|len| *len <= material.len()).ok_or_else(wrong)?;
        material.truncate(whole);
    }
    Ok(material)
}

fn der_len(der: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let whole: Length = (reader.position() + header.length()).ok()?;
    usize::try_from(whole).ok()
}

fn wrong() -> Error {
    Error::new(ErrorCode::WrappedKeyInvalid, "the wrapped key is not valid")
}

/// The one answer to everything that is wrong with a wrapped key; what is wrong with the request keeps its own.
fn one_answer(error: Error) -> Error {
    match error.code {
        ErrorCode::DecryptFailed | ErrorCode::InvalidLength | ErrorCode::KeyInvalid | ErrorCode::KeyTooWeak => wrong(),
        ErrorCode::KeyTypeMismatch => Error { code: ErrorCode::UnwrappingKeyMismatch, ..error },
        _ => error,
    }
}
