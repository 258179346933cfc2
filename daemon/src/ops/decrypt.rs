//! Decrypts with a private key. Every failure of the decryption itself is the same one error.

use std::{borrow::Cow, sync::Arc};

use softkeep_proto::{
    algorithm::{EncryptScheme, KeyOperation},
    v1,
};
use zeroize::Zeroizing;

use super::{Audited, Operation, encrypt, sign};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// What to decrypt, how, with which key.
pub struct Decrypt {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub key: KeyName,
    /// How.
    pub scheme: EncryptScheme,
    /// The name of the algorithm, for the audit log.
    pub algorithm: Cow<'static, str>,
    /// The PKCS#11 mechanism, which the key may have to allow by name.
    pub mechanism: Option<u64>,
    /// What was encrypted.
    pub ciphertext: Vec<u8>,
}

impl Decrypt {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::DecryptRequest) -> Result<Self> {
        sign::check_size(&request.ciphertext)?;
        let scheme = encrypt::jose(&request.algorithm)?;
        Ok(Self {
            vault,
            key,
            scheme,
            algorithm: request.algorithm.into(),
            mechanism: None,
            ciphertext: request.ciphertext,
        })
    }
}

impl Operation for Decrypt {
    const NAME: &'static str = "decrypt";
    const PERMISSION: Permission = Permission::Decrypt;
    const KEY_USE: Option<KeyOperation> = Some(KeyOperation::Decrypt);
    const AUDITED: Audited = Audited::Use;
    type Reply = (Zeroizing<Vec<u8>>, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.algorithm.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Compute
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let operation = grant.operation();
        sign::check_fit(grant.version()?, None, operation.mechanism, &operation.ciphertext)?;
        let plaintext = rooms.keys.open(&grant)?.decrypt(&operation.scheme, &operation.ciphertext)?;
        Ok((plaintext, grant.version()?.clone()))
    }
}

impl KeyUse for Decrypt {}
