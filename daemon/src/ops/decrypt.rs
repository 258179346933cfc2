//! Decrypts with a private or a secret key. Every failure of the decryption itself is the same one error.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use softkeep_proto::{
    mechanism::{Family, Row},
    v1,
};
use zeroize::Zeroizing;

use super::{
    Audited, Operation, encrypt,
    method::{self, Decryption, Method, SECRET_OR_PRIVATE},
    sign,
};
use crate::{
    crypto::cipher,
    error::Result,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to decrypt, how, with which key.
pub struct Decrypt {
    vault: VaultName,
    key: KeyName,
    how: Decryption,
    algorithm: Cow<'static, str>,
    /// For PKCS#11's.
    row: Option<&'static Row>,
    ciphertext: Bytes,
    one_time_grant: Bytes,
}

impl Decrypt {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::DecryptRequest) -> Result<Self> {
        sign::check_size(&request.ciphertext)?;
        let how = Decryption::Private(encrypt::jose(&request.algorithm)?);
        let (algorithm, ciphertext) = (request.algorithm.into(), request.ciphertext.into());
        Ok(Self { vault, key, how, algorithm, row: None, ciphertext, one_time_grant: Bytes::new() })
    }

    /// From PKCS#11's. The grant is the answer to a login for this one use, or empty.
    pub fn new(
        vault: VaultName,
        key: KeyName,
        method: Method<Decryption>,
        ciphertext: Bytes,
        one_time_grant: Bytes,
    ) -> Result<Self> {
        sign::check_size(&ciphertext)?;
        Ok(Self {
            vault,
            key,
            algorithm: method.name(),
            how: method.how,
            row: Some(method.row),
            ciphertext,
            one_time_grant,
        })
    }
}

impl Operation for Decrypt {
    const NAME: &'static str = "decrypt";
    const PERMISSION: Permission = Permission::Decrypt;
    const AUDITED: Audited = Audited::Use;
    type Reply = (Zeroizing<Vec<u8>>, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::DECRYPT)
    }

    fn one_time_grant(&self) -> Option<&[u8]> {
        Some(&*self.one_time_grant).filter(|grant| !grant.is_empty())
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.algorithm.clone())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        method::lane(version, self.ciphertext.len())
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let operation = grant.operation();
        if let Some(row) = operation.row {
            method::check_key(&grant, row, &SECRET_OR_PRIVATE)?;
            if let Decryption::Private(scheme) = &operation.how {
                Rules::of(&grant.vault()?.record)?.check_decrypt(row, scheme)?;
            }
        } else {
            method::check_jose(grant.version()?, Family::RsaOaep, None)?;
        }
        let key = rooms.keys.open(&grant)?;
        let plaintext = match &operation.how {
            Decryption::Private(scheme) => key.private()?.decrypt(scheme, &operation.ciphertext)?,
            Decryption::Secret(cipher) => cipher::decrypt(cipher, key.secret()?, &operation.ciphertext)?,
        };
        Ok((plaintext, grant.version()?.clone()))
    }
}

impl KeyUse for Decrypt {}
