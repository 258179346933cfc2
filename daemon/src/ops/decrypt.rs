//! Decrypts with a private or a secret key, or unwraps to bytes, which is the same. Every failure of the decryption itself is the same one
//! error.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use softkeep_proto::{
    algorithm::{GCM_IV_BYTES, GCM_TAG_BYTES, JoseCipher, JoseEncryption},
    mechanism::Row,
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
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to decrypt, how, with which key; `UNWRAPS` where it is called a key, which needs another permission and operation of the key.
pub struct Decrypt<const UNWRAPS: bool> {
    vault: VaultName,
    key: KeyName,
    how: Decryption,
    algorithm: Cow<'static, str>,
    by: By,
    ciphertext: Bytes,
    one_time_grant: Bytes,
}

/// In whose words the algorithm was told.
enum By {
    Jose(&'static JoseEncryption),
    Pkcs11(&'static Row),
}

impl<const UNWRAPS: bool> Decrypt<UNWRAPS> {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::DecryptRequest) -> Result<Self> {
        sign::check_size(&request.ciphertext)?;
        sign::check_size(&request.aad)?;
        let jose = encrypt::jose(&request.algorithm)?;
        encrypt::check_parameters(jose, &request.iv, &request.aad)?;
        check_tag(jose, &request.iv, &request.tag)?;
        let how = match &jose.cipher {
            JoseCipher::Rsa(scheme) => Decryption::Private(scheme.clone()),
            _ => Decryption::Secret(encrypt::cipher_of(jose, &request.iv, &request.aad)?),
        };
        let mut ciphertext = request.ciphertext;
        ciphertext.extend_from_slice(&request.tag);
        Ok(Self {
            vault,
            key,
            how,
            algorithm: jose.name.into(),
            by: By::Jose(jose),
            ciphertext: ciphertext.into(),
            one_time_grant: Bytes::new(),
        })
    }
}

/// GCM's tag comes whole and with the vector that was made with it; nothing else has one.
fn check_tag(jose: &JoseEncryption, iv: &[u8], tag: &[u8]) -> Result<()> {
    let wrong = |why: String| Err(Error::new(ErrorCode::InvalidParameters, why));
    if jose.cipher != JoseCipher::Gcm {
        return if tag.is_empty() { Ok(()) } else { wrong(format!("{} has no tag", jose.name)) };
    }
    if iv.len() != GCM_IV_BYTES || tag.len() != GCM_TAG_BYTES {
        return wrong(format!(
            "{} takes an initialisation vector of {GCM_IV_BYTES} bytes and a tag of {GCM_TAG_BYTES}",
            jose.name
        ));
    }
    Ok(())
}

impl Decrypt<false> {
    /// From PKCS#11's. The grant is the answer to a login for this one use, or empty.
    pub fn new(
        vault: VaultName,
        key: KeyName,
        method: Method<Decryption>,
        ciphertext: Bytes,
        one_time_grant: Bytes,
    ) -> Result<Self> {
        sign::check_size(&ciphertext)?;
        let algorithm = method.name();
        Ok(Self { vault, key, algorithm, how: method.how, by: By::Pkcs11(method.row), ciphertext, one_time_grant })
    }
}

impl<const UNWRAPS: bool> Operation for Decrypt<UNWRAPS> {
    const NAME: &'static str = if UNWRAPS { "unwrapKey" } else { "decrypt" };
    const PERMISSION: Permission = if UNWRAPS { Permission::UnwrapKey } else { Permission::Decrypt };
    const AUDITED: Audited = Audited::Use;
    type Reply = (Zeroizing<Vec<u8>>, Arc<Version>);

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(if UNWRAPS { Ops::UNWRAP_KEY } else { Ops::DECRYPT })
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
        let (operation, version) = (grant.operation(), grant.version()?);
        let row = match operation.by {
            By::Pkcs11(row) => {
                method::check_key(&grant, row, &SECRET_OR_PRIVATE)?;
                row
            }
            By::Jose(jose) => encrypt::check_key(version, version.class(), jose)?,
        };
        if let Decryption::Private(scheme) = &operation.how {
            Rules::of(&grant.vault()?.record)?.check_decrypt(row, scheme)?;
        }
        let key = rooms.keys.open(&grant)?;
        let plaintext = match &operation.how {
            Decryption::Private(scheme) => key.private()?.decrypt(scheme, &operation.ciphertext)?,
            Decryption::Secret(cipher) => cipher::decrypt(cipher, key.secret()?, &operation.ciphertext)?,
        };
        Ok((plaintext, version.clone()))
    }
}

impl<const UNWRAPS: bool> KeyUse for Decrypt<UNWRAPS> {}
