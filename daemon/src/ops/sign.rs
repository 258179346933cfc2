//! Signs a digest (or, through PKCS#11, the caller's own bytes) with a private key.

use std::borrow::Cow;

use softkeep_proto::{
    algorithm::{self, KeyOperation, KeyType, SignScheme},
    limits::MAX_CRYPTO_INPUT_BYTES,
    v1,
};

use super::{Audited, Operation};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// What to sign, how, with which key.
pub struct Sign {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub key: KeyName,
    /// How.
    pub scheme: SignScheme,
    /// The name of the algorithm, for the audit log.
    pub algorithm: Cow<'static, str>,
    /// The curve that the algorithm is bound to, for JOSE's.
    pub curve: Option<algorithm::Curve>,
    /// The PKCS#11 mechanism, which the key may have to allow by name.
    pub mechanism: Option<u64>,
    /// The digest, or what the scheme takes.
    pub input: Vec<u8>,
}

impl Sign {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::SignRequest) -> Result<Self> {
        let (scheme, algorithm, curve) = jose(&request.algorithm)?;
        check_size(&request.digest)?;
        Ok(Self { vault, key, scheme, algorithm, curve, mechanism: None, input: request.digest })
    }
}

/// A JOSE signature algorithm's scheme, name and curve.
pub fn jose(name: &str) -> Result<(SignScheme, Cow<'static, str>, Option<algorithm::Curve>)> {
    let row = algorithm::jose_signature(name)
        .ok_or_else(|| Error::new(ErrorCode::UnsupportedAlgorithm, format!("unknown signature algorithm '{name}'")))?;
    Ok((row.scheme, row.name.into(), row.curve))
}

/// Bounds what any operation with a key takes in.
pub fn check_size(input: &[u8]) -> Result<()> {
    if input.len() <= MAX_CRYPTO_INPUT_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorCode::MessageTooLarge, format!("at most {MAX_CRYPTO_INPUT_BYTES} bytes")))
}

/// Checks a JOSE algorithm's curve and its digest's length, and PKCS#11's CKA_ALLOWED_MECHANISMS, against the key.
pub fn check_fit(
    version: &Version,
    curve: Option<algorithm::Curve>,
    mechanism: Option<u64>,
    input: &[u8],
) -> Result<()> {
    if let Some(curve) = curve {
        if version.key_type != KeyType::Ec(curve) {
            return Err(Error::new(ErrorCode::KeyTypeMismatch, format!("the algorithm needs a {} key", curve.name())));
        }
        let digest_len = crate::crypto::curve_hash(curve).len();
        if input.len() != digest_len {
            return Err(Error::new(
                ErrorCode::InvalidLength,
                format!("the digest must have {digest_len} bytes, not {}", input.len()),
            ));
        }
    }
    let allowed = &version.policy.allowed_mechanisms;
    if mechanism.is_some_and(|mechanism| !allowed.is_empty() && !allowed.contains(&mechanism)) {
        return Err(Error::new(ErrorCode::OperationNotPermitted, "the key does not allow this mechanism"));
    }
    Ok(())
}

/// Cheap signatures are made where they arrive; RSA goes to the pool, so that it cannot hold them up.
pub fn private_key_lane(version: Option<&Version>) -> Lane {
    match version.map(|version| version.key_type) {
        Some(KeyType::Ec(algorithm::Curve::P256 | algorithm::Curve::P384)) => Lane::Inline,
        _ => Lane::Compute,
    }
}

impl Operation for Sign {
    const NAME: &'static str = "sign";
    const PERMISSION: Permission = Permission::Sign;
    const KEY_USE: Option<KeyOperation> = Some(KeyOperation::Sign);
    const AUDITED: Audited = Audited::Use;
    type Reply = (Vec<u8>, std::sync::Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.algorithm.clone())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        private_key_lane(version)
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let operation = grant.operation();
        check_fit(grant.version()?, operation.curve, operation.mechanism, &operation.input)?;
        let signature = rooms.keys.open(&grant)?.sign(operation.scheme, &operation.input)?;
        Ok((signature, grant.version()?.clone()))
    }
}

impl KeyUse for Sign {}
