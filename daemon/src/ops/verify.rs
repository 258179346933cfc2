//! Checks a signature with the public half of a key.

use std::{borrow::Cow, sync::Arc};

use softkeep_proto::{
    algorithm::{Curve, SignScheme},
    v1,
};

use super::{Audited, Operation, sign};
use crate::{
    error::Result,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName},
    workers::Lane,
};

/// What to check.
pub struct Verify {
    vault: VaultName,
    key: KeyName,
    scheme: SignScheme,
    algorithm: Cow<'static, str>,
    curve: Option<Curve>,
    digest: Vec<u8>,
    signature: Vec<u8>,
}

impl Verify {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::VerifyRequest) -> Result<Self> {
        let (scheme, algorithm, curve) = sign::jose(&request.algorithm)?;
        sign::check_size(&request.digest)?;
        sign::check_size(&request.signature)?;
        Ok(Self { vault, key, scheme, algorithm, curve, digest: request.digest, signature: request.signature })
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
        Some(self.algorithm.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let (operation, version) = (grant.operation(), grant.version()?);
        sign::check_fit(version, operation.curve, &operation.digest)?;
        let key = rooms.keys.backend.open_public(&version.public()?.spki_der)?;
        Ok((key.verify(&operation.scheme, &operation.digest, &operation.signature)?, version.clone()))
    }
}
