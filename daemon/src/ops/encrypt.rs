//! Encrypts with the public half of a key.

use std::{borrow::Cow, sync::Arc};

use softkeep_proto::{
    algorithm::{self, EncryptScheme},
    v1,
};

use super::{Audited, Operation, sign};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName},
    workers::Lane,
};

/// What to encrypt.
pub struct Encrypt {
    vault: VaultName,
    key: KeyName,
    scheme: EncryptScheme,
    algorithm: String,
    plaintext: zeroize::Zeroizing<Vec<u8>>,
}

impl Encrypt {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::EncryptRequest) -> Result<Self> {
        let plaintext = zeroize::Zeroizing::new(request.plaintext);
        sign::check_size(&plaintext)?;
        Ok(Self { vault, key, scheme: jose(&request.algorithm)?, algorithm: request.algorithm, plaintext })
    }
}

/// A JOSE encryption algorithm's scheme.
pub fn jose(name: &str) -> Result<EncryptScheme> {
    algorithm::jose_encryption(name)
        .ok_or_else(|| Error::new(ErrorCode::UnsupportedAlgorithm, format!("unknown encryption algorithm '{name}'")))
}

impl Operation for Encrypt {
    const NAME: &'static str = "encrypt";
    const PERMISSION: Permission = Permission::Encrypt;
    const AUDITED: Audited = Audited::Use;
    type Reply = (Vec<u8>, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::ENCRYPT)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.algorithm.clone().into())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let (operation, version) = (grant.operation(), grant.version()?);
        let key = rooms.keys.backend.open_public(&version.public()?.spki_der)?;
        Ok((key.encrypt(&operation.scheme, &operation.plaintext)?, version.clone()))
    }
}
