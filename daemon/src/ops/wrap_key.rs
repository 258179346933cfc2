//! C_WrapKey: takes a key out under another. Private keys go as PKCS#8, secret keys as their bytes (PKCS#11 3.2 section 5.18.3). Which key
//! may take which out is in `policy/wrapping.rs`.

use std::borrow::Cow;

use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::pkcs11::v1::AttributeList;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    method::{self, Method, SECRET_OR_PRIVATE, Wrapping},
};
use crate::{
    crypto::{
        cipher::{self, Cipher},
        kdf::AgreementKdf,
        key_info::PublicNumbers,
        key_wrap::{self, EcdhWrap, PointForm},
    },
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, face, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyExport, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// Which key to take out, how, under which other.
pub struct WrapKey {
    /// The vault.
    pub vault: VaultName,
    /// The key that wraps: a secret key, or the public half of a pair.
    pub wrapping_key: KeyName,
    /// How.
    pub method: Method<Wrapping>,
    /// The key to take out.
    pub key: KeyName,
}

/// CKA_WRAP of an RSA public key is Key Vault's `wrapKey` too; other keys have a bit of their own.
pub fn needed(how: &Wrapping) -> Ops {
    match how {
        Wrapping::Rsa(_) | Wrapping::RsaAes { .. } => Ops::WRAP_KEY,
        Wrapping::Secret(_) | Wrapping::EcdhAes { .. } => Ops::WRAP_OBJECT,
    }
}

/// A mismatch of the key that wraps has a code of its own, beside that of the key that is wrapped.
pub fn about_the_wrapping_key(error: Error, code: ErrorCode) -> Error {
    if error.code == ErrorCode::KeyTypeMismatch { Error { code, ..error } } else { error }
}

impl Operation for WrapKey {
    const NAME: &'static str = "wrapKey";
    const PERMISSION: Permission = Permission::WrapKey;
    const AUDITED: Audited = Audited::Use;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.wrapping_key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(needed(&self.method.how))
    }

    fn other_key(&self) -> Option<KeyName> {
        Some(self.key.clone())
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        // The key to be wrapped is read from the store.
        Lane::Compute
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let Method { row, how } = &grant.operation().method;
        let (wrapping, class) = (grant.version()?, grant.subject()?.class());
        method::check_key(&grant, row, &[ck::CKO_SECRET_KEY, ck::CKO_PUBLIC_KEY])
            .map_err(|error| about_the_wrapping_key(error, ErrorCode::WrappingKeyMismatch))?;
        let (target, target_class) = (grant.other_version()?, grant.other()?.class());
        if !SECRET_OR_PRIVATE.contains(&target_class) {
            return Err(Error::new(ErrorCode::KeyNotWrappable, "a public key needs no wrapping"));
        }
        let rules = Rules::of(&grant.vault()?.record)?;
        rules.check_wrapping(row, how)?;
        rules.check_wrap(&wrapping.policy, class, how, &target.policy)?;
        check_template(wrapping.policy.wrap_template(class), target)?;
        if matches!(how, Wrapping::Rsa(_)) && target_class == ck::CKO_PRIVATE_KEY {
            return Err(Error::new(ErrorCode::KeyNotWrappable, "RSA alone wraps secret keys"));
        }
        let material = rooms.keys.export_other(&grant)?;
        let public = || {
            let info = wrapping.public()?;
            rooms.keys.backend.open_public(&info.spki_der)
        };
        let wrapped = match how {
            Wrapping::Secret(cipher) => {
                let key = rooms.keys.open(&grant)?;
                cipher::encrypt(cipher, key.secret()?, &padded(cipher, &material))
            }
            Wrapping::Rsa(scheme) => public()?.encrypt(scheme, &material),
            Wrapping::RsaAes { aes_bytes, oaep } => key_wrap::rsa_aes_wrap(&*public()?, oaep, *aes_bytes, &material),
            Wrapping::EcdhAes { aes_bytes, kdf, shared_data } => {
                let parameters = ecdh_parameters(*aes_bytes, *kdf, shared_data);
                parameters.wrap(&*rooms.keys.backend, wrapping.key_type, &point(wrapping)?, &material)
            }
        };
        // Of the key to be wrapped, what else could be wrong with the input here?
        wrapped.map_err(|error| match error.code {
            ErrorCode::InvalidLength => Error::new(ErrorCode::KeyNotWrappable, error.detail),
            _ => error,
        })
    }
}

impl KeyUse for WrapKey {}
impl KeyExport for WrapKey {}

/// What CKM_ECDH_AES_KEY_WRAP says, in the words of the crypto room.
pub fn ecdh_parameters(aes_key_bytes: usize, kdf: AgreementKdf, shared_info: &[u8]) -> EcdhWrap<'_> {
    EcdhWrap { kdf, shared_info, aes_key_bytes, point_form: PointForm::Bare }
}

/// ECB and CBC without padding take whole blocks: zeros fill the last one up (PKCS#11 3.2 sections 6.11.4 and 6.11.5).
fn padded(cipher: &Cipher, material: &Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let (Cipher::AesEcb | Cipher::AesCbc { .. }) = cipher else { return material.clone() };
    let mut padded = Zeroizing::new(vec![0; material.len().next_multiple_of(16)]);
    padded[..material.len()].copy_from_slice(material);
    padded
}

/// The public half as a point of its curve.
fn point(version: &Version) -> Result<Vec<u8>> {
    match &version.public()?.numbers {
        PublicNumbers::Ec { x, y } => Ok([&[4], &x[..], y].concat()),
        PublicNumbers::Raw(value) => Ok(value.clone()),
        PublicNumbers::Rsa { .. } | PublicNumbers::Dh { .. } => {
            Err(Error::new(ErrorCode::WrappingKeyMismatch, "the wrapping key is on no curve"))
        }
    }
}

/// CKA_WRAP_TEMPLATE: every key that this one wraps has these attributes (PKCS#11 3.2 section 4.10).
fn check_template(rule: &[u8], target: &Version) -> Result<()> {
    let rule = AttributeList::decode(rule).map_err(Error::internal)?;
    let faces = face::of_version(target, &target.record.key);
    let face = faces.iter().find(|face| face.class == target.class());
    match face.is_some_and(|face| face.matches(&rule.attributes)) || rule.attributes.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::new(ErrorCode::KeyNotWrappable, "the key is not what the wrapping key's CKA_WRAP_TEMPLATE says"))
        }
    }
}
