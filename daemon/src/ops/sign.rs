//! Signs a digest (or, through PKCS#11, the caller's own bytes) with a private key, or makes a MAC with a secret one.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use softkeep_proto::{
    algorithm::{self, JoseSignature, JoseSigning, KeyType},
    limits::MAX_CRYPTO_INPUT_BYTES,
    mechanism::Row,
    v1,
};

use super::{
    Audited, Operation,
    method::{self, Method, SECRET_OR_PRIVATE, Signing},
    update_mac,
};
use crate::{
    crypto::mac::{self, Mac},
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to sign, how, with which key.
pub struct Sign {
    vault: VaultName,
    key: KeyName,
    how: Signing,
    algorithm: Cow<'static, str>,
    /// For JOSE's.
    jose: Option<&'static JoseSignature>,
    /// For PKCS#11's.
    row: Option<&'static Row>,
    /// The message is to come out of the signature again.
    recover: bool,
    /// The digest, or what the scheme takes; of a MAC under way the rest.
    input: Bytes,
    mac_state: Bytes,
    one_time_grant: Bytes,
}

impl Sign {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::SignRequest) -> Result<Self> {
        let jose = jose(&request.algorithm)?;
        check_size(&request.digest)?;
        Ok(Self {
            vault,
            key,
            how: signing(jose),
            algorithm: jose.name.into(),
            jose: Some(jose),
            row: None,
            recover: false,
            input: request.digest.into(),
            mac_state: Bytes::new(),
            one_time_grant: Bytes::new(),
        })
    }

    /// From PKCS#11's.
    pub fn new(vault: VaultName, key: KeyName, method: Method<Signing>, input: Bytes) -> Result<Self> {
        check_size(&input)?;
        Ok(Self {
            vault,
            key,
            algorithm: method.name(),
            how: method.how,
            jose: None,
            row: Some(method.row),
            recover: false,
            input,
            mac_state: Bytes::new(),
            one_time_grant: Bytes::new(),
        })
    }

    /// The message is to come out of the signature again.
    #[must_use]
    pub fn recovering(self, recover: bool) -> Self {
        Self { recover, ..self }
    }

    /// Goes on with a MAC of which parts have been sent before.
    #[must_use]
    pub fn after(self, mac_state: Bytes) -> Self {
        Self { mac_state, ..self }
    }

    /// With the answer to a login for this one use.
    #[must_use]
    pub fn granted(self, one_time_grant: Bytes) -> Self {
        Self { one_time_grant, ..self }
    }
}

/// A JOSE signature algorithm.
pub fn jose(name: &str) -> Result<&'static JoseSignature> {
    algorithm::jose_signature(name)
        .ok_or_else(|| Error::new(ErrorCode::UnsupportedAlgorithm, format!("unknown signature algorithm '{name}'")))
}

/// What it asks for, in the words of the crypto room.
fn signing(jose: &JoseSignature) -> Signing {
    match &jose.signing {
        JoseSigning::Digest(scheme) | JoseSigning::Message(scheme) => Signing::Signature(scheme.clone()),
        JoseSigning::Mac => Signing::Mac { mac: Mac::Hmac(jose.hash), len_bytes: jose.hash.len() },
    }
}

/// Bounds what any operation with a key takes in.
pub fn check_size(input: &[u8]) -> Result<()> {
    if input.len() <= MAX_CRYPTO_INPUT_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorCode::MessageTooLarge, format!("at most {MAX_CRYPTO_INPUT_BYTES} bytes")))
}

/// Checks a JOSE algorithm's curve and its digest's length against the key.
pub fn check_fit(version: &Version, jose: &JoseSignature, input: &[u8]) -> Result<()> {
    if let Some(curve) = jose.curve.filter(|curve| version.key_type != KeyType::Ec(*curve)) {
        return Err(Error::new(ErrorCode::KeyTypeMismatch, format!("{} needs a {} key", jose.name, curve.name())));
    }
    let digest_len = jose.hash.len();
    if jose.takes_digest() && input.len() != digest_len {
        let why = format!("the digest of {} has {digest_len} bytes, not {}", jose.name, input.len());
        return Err(Error::new(ErrorCode::InvalidLength, why));
    }
    Ok(())
}

impl Operation for Sign {
    const NAME: &'static str = "sign";
    const PERMISSION: Permission = Permission::Sign;
    const AUDITED: Audited = Audited::Use;
    type Reply = (Vec<u8>, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(if self.recover { Ops::SIGN_RECOVER } else { Ops::SIGN })
    }

    fn one_time_grant(&self) -> Option<&[u8]> {
        Some(&*self.one_time_grant).filter(|grant| !grant.is_empty())
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.algorithm.clone())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        method::lane(version, self.input.len())
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let (operation, version) = (grant.operation(), grant.version()?);
        let rules = Rules::of(&grant.vault()?.record)?;
        let row = match (operation.row, operation.jose) {
            (Some(row), _) => {
                method::check_key(&grant, row, &SECRET_OR_PRIVATE)?;
                row
            }
            (None, Some(jose)) => {
                let row = method::check_jose(version, version.class(), jose.name, jose.mechanism)?;
                check_fit(version, jose, &operation.input)?;
                row
            }
            (None, None) => return Err(Error::internal("a signature without an algorithm")),
        };
        rules.check_sign(row, &operation.how, &operation.input)?;
        let key = rooms.keys.open(&grant)?;
        let signature = match &operation.how {
            Signing::Signature(scheme) => key.private()?.sign(scheme, &operation.input)?,
            Signing::Mac { mac, .. } if operation.jose.is_some() => {
                mac::mac(mac, key.secret()?, &operation.input)?.to_vec()
            }
            Signing::Mac { mac, len_bytes } => {
                let context = update_mac::Context { grant: &grant, row, mac, secret: key.secret()? };
                let whole = context.finish(rooms, &operation.mac_state, &operation.input)?;
                whole.get(..*len_bytes).unwrap_or(&whole).to_vec()
            }
        };
        Ok((signature, version.clone()))
    }
}

impl KeyUse for Sign {}
