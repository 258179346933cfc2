//! Checks a signature with the public half of a key, or a MAC with a secret key.

use std::{borrow::Cow, sync::Arc};

use softkeep_proto::{
    algorithm::{JoseSignature, JoseSigning},
    v1,
};
use subtle::ConstantTimeEq as _;

use super::{Audited, Operation, method, sign};
use crate::{
    crypto::mac::{self, Mac},
    error::Result,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// What to check.
pub struct Verify {
    vault: VaultName,
    key: KeyName,
    jose: &'static JoseSignature,
    digest: Vec<u8>,
    signature: Vec<u8>,
}

impl Verify {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::VerifyRequest) -> Result<Self> {
        let jose = sign::jose(&request.algorithm)?;
        sign::check_size(&request.digest)?;
        sign::check_size(&request.signature)?;
        Ok(Self { vault, key, jose, digest: request.digest, signature: request.signature })
    }
}

impl Operation for Verify {
    const NAME: &'static str = "verify";
    const PERMISSION: Permission = Permission::Verify;
    const AUDITED: Audited = Audited::Use;
    type Reply = (bool, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::VERIFY)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.jose.name.into())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        match self.jose.signing {
            JoseSigning::Mac => method::lane(version, self.digest.len()),
            JoseSigning::Digest(_) | JoseSigning::Message(_) => Lane::Inline,
        }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let (operation, version) = (grant.operation(), grant.version()?);
        let jose = operation.jose;
        method::check_jose(version, method::public_class(version), jose.name, jose.mechanism)?;
        sign::check_fit(version, jose, &operation.digest)?;
        let is_right = match &jose.signing {
            JoseSigning::Digest(scheme) | JoseSigning::Message(scheme) => {
                let key = rooms.keys.backend.open_public(&version.public()?.spki_der)?;
                key.verify(scheme, &operation.digest, &operation.signature)?
            }
            JoseSigning::Mac => {
                let key = rooms.keys.open(&grant)?;
                let right = mac::mac(&Mac::Hmac(jose.hash), key.secret()?, &operation.digest)?;
                // Whole or not at all: JOSE has no shortened MACs.
                right.ct_eq(&operation.signature).into()
            }
        };
        Ok((is_right, version.clone()))
    }
}

impl KeyUse for Verify {}
