//! Encrypts with a secret key, as PKCS#11 does. Encryption with a public key is `encrypt.rs`.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    Audited, Operation,
    method::{self, Method},
    sign,
};
use crate::{
    crypto::cipher::{self, Cipher},
    error::Result,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// What to encrypt, how, with which key.
pub struct EncryptSecret {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub key: KeyName,
    /// How.
    pub method: Method<Cipher>,
    /// The message, or a part of it.
    pub plaintext: Bytes,
}

impl Operation for EncryptSecret {
    const NAME: &'static str = "encrypt";
    const PERMISSION: Permission = Permission::Encrypt;
    const AUDITED: Audited = Audited::Use;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::ENCRYPT)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        method::lane(version, self.plaintext.len())
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let operation = grant.operation();
        sign::check_size(&operation.plaintext)?;
        method::check_key(&grant, operation.method.row, &[cryptoki_sys::CKO_SECRET_KEY])?;
        let key = rooms.keys.open(&grant)?;
        cipher::encrypt(&operation.method.how, key.secret()?, &operation.plaintext)
    }
}

impl KeyUse for EncryptSecret {}
