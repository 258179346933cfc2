//! Encrypts or wraps bytes that the caller has, in JOSE's words: with the public half of a key, or with a secret key. What PKCS#11 does with
//! secret keys is `encrypt_secret.rs` and `wrap_key.rs`; its public keys encrypt in the module.

use std::{borrow::Cow, sync::Arc};

use softkeep_proto::{
    algorithm::{self, CBC_IV_BYTES, GCM_IV_BYTES, GCM_TAG_BYTES, JoseCipher, JoseEncryption, KeyType},
    v1,
};
use zeroize::Zeroizing;

use super::{Audited, Operation, method, sign};
use crate::{
    crypto::{
        cipher::{self, Cipher},
        fill_random,
    },
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to encrypt; `WRAPS` where it is called a key, which needs another permission and operation of the key.
pub struct Encrypt<const WRAPS: bool> {
    vault: VaultName,
    key: KeyName,
    jose: &'static JoseEncryption,
    iv: Vec<u8>,
    aad: Vec<u8>,
    plaintext: Zeroizing<Vec<u8>>,
}

/// What came of it.
pub struct Encrypted {
    /// The ciphertext, without the tag.
    pub ciphertext: Vec<u8>,
    /// The initialisation vector, where there is one.
    pub iv: Vec<u8>,
    /// GCM's tag.
    pub tag: Vec<u8>,
    /// What was authenticated beside it.
    pub aad: Vec<u8>,
    /// The key.
    pub version: Arc<Version>,
}

impl<const WRAPS: bool> Encrypt<WRAPS> {
    /// From JOSE's words.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::EncryptRequest) -> Result<Self> {
        // First, so that every way out wipes it.
        let plaintext = Zeroizing::new(request.plaintext);
        sign::check_size(&plaintext)?;
        sign::check_size(&request.aad)?;
        let jose = jose(&request.algorithm)?;
        if jose.cipher == JoseCipher::Gcm && !request.iv.is_empty() {
            let why = "GCM's initialisation vector is made here: one that came twice would give the key away";
            return Err(Error::new(ErrorCode::InvalidParameters, why));
        }
        check_parameters(jose, &request.iv, &request.aad)?;
        Ok(Self { vault, key, jose, iv: request.iv, aad: request.aad, plaintext })
    }
}

/// A JOSE encryption algorithm.
pub fn jose(name: &str) -> Result<&'static JoseEncryption> {
    algorithm::jose_encryption(name)
        .ok_or_else(|| Error::new(ErrorCode::UnsupportedAlgorithm, format!("unknown encryption algorithm '{name}'")))
}

/// Refuses what an algorithm would not look at: its caller would believe that it counts.
pub fn check_parameters(jose: &JoseEncryption, iv: &[u8], aad: &[u8]) -> Result<()> {
    let iv_bytes = match jose.cipher {
        JoseCipher::Gcm => GCM_IV_BYTES,
        JoseCipher::Cbc | JoseCipher::CbcPad => CBC_IV_BYTES,
        JoseCipher::Rsa(_) | JoseCipher::KeyWrap | JoseCipher::KeyWrapPad => 0,
    };
    let wrong = |why: String| Err(Error::new(ErrorCode::InvalidParameters, why));
    match iv.len() {
        0 => {}
        length if length == iv_bytes => {}
        _ if iv_bytes == 0 => return wrong(format!("{} takes no initialisation vector", jose.name)),
        length => {
            return wrong(format!("{} takes an initialisation vector of {iv_bytes} bytes, not {length}", jose.name));
        }
    }
    if jose.cipher != JoseCipher::Gcm && !aad.is_empty() {
        return wrong(format!("{} authenticates no data beside the message", jose.name));
    }
    Ok(())
}

/// Whether a key is of the type and length that the algorithm says, and allows it.
pub fn check_key(
    version: &Version,
    class: u64,
    jose: &JoseEncryption,
) -> Result<&'static softkeep_proto::mechanism::Row> {
    let row = method::check_jose(version, class, jose.name, jose.mechanism)?;
    let Some(wanted) = jose.key_bytes else { return Ok(row) };
    match version.key_type {
        KeyType::Secret(_, bytes) if bytes as usize == wanted => Ok(row),
        _ => Err(Error::new(ErrorCode::KeyTypeMismatch, format!("{} needs a key of {} bits", jose.name, 8 * wanted))),
    }
}

/// The cipher of an algorithm for secret keys, with its initialisation vector.
pub fn cipher_of(jose: &JoseEncryption, iv: &[u8], aad: &[u8]) -> Result<Cipher> {
    let block = || {
        <[u8; CBC_IV_BYTES]>::try_from(iv).map_err(|_| {
            Error::new(
                ErrorCode::InvalidParameters,
                format!("{} takes an initialisation vector of 16 bytes", jose.name),
            )
        })
    };
    Ok(match jose.cipher {
        JoseCipher::Gcm => Cipher::AesGcm { iv: iv.to_vec(), aad: aad.to_vec(), tag_bytes: GCM_TAG_BYTES },
        JoseCipher::Cbc => Cipher::AesCbc { iv: block()? },
        JoseCipher::CbcPad => Cipher::AesCbcPad { iv: block()? },
        JoseCipher::KeyWrap => Cipher::AesKw { iv: None },
        JoseCipher::KeyWrapPad => Cipher::AesKwp { iv: None },
        JoseCipher::Rsa(_) => return Err(Error::internal("RSA is no cipher of secret keys")),
    })
}

impl<const WRAPS: bool> Operation for Encrypt<WRAPS> {
    const NAME: &'static str = if WRAPS { "wrapKey" } else { "encrypt" };
    const PERMISSION: Permission = if WRAPS { Permission::WrapKey } else { Permission::Encrypt };
    const AUDITED: Audited = Audited::Use;
    type Reply = Encrypted;

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(if WRAPS { Ops::WRAP_KEY } else { Ops::ENCRYPT })
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.jose.name.into())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        match self.jose.cipher {
            JoseCipher::Rsa(_) => Lane::Inline,
            _ => method::lane(version, self.plaintext.len()),
        }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Encrypted> {
        let (operation, version) = (grant.operation(), grant.version()?);
        let jose = operation.jose;
        let row = check_key(version, method::public_class(version), jose)?;
        let version = version.clone();
        if let JoseCipher::Rsa(scheme) = &jose.cipher {
            Rules::of(&grant.vault()?.record)?.check_decrypt(row, scheme)?;
            let key = rooms.keys.backend.open_public(&version.public()?.spki_der)?;
            let ciphertext = key.encrypt(scheme, &operation.plaintext)?;
            return Ok(Encrypted { ciphertext, iv: Vec::new(), tag: Vec::new(), aad: Vec::new(), version });
        }
        let iv = match jose.cipher {
            JoseCipher::Gcm => random_iv(GCM_IV_BYTES)?,
            JoseCipher::Cbc | JoseCipher::CbcPad if operation.iv.is_empty() => random_iv(CBC_IV_BYTES)?,
            _ => operation.iv.clone(),
        };
        let key = rooms.keys.open(&grant)?;
        let cipher = cipher_of(jose, &iv, &operation.aad)?;
        let mut ciphertext = cipher::encrypt(&cipher, key.secret()?, &operation.plaintext)?;
        let tag = match jose.cipher {
            JoseCipher::Gcm => ciphertext.split_off(ciphertext.len().saturating_sub(GCM_TAG_BYTES)),
            _ => Vec::new(),
        };
        Ok(Encrypted { ciphertext, iv, tag, aad: operation.aad.clone(), version })
    }
}

impl<const WRAPS: bool> KeyUse for Encrypt<WRAPS> {}

fn random_iv(bytes: usize) -> Result<Vec<u8>> {
    let mut iv = vec![0; bytes];
    fill_random(&mut iv)?;
    Ok(iv)
}
