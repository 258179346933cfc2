//! Encryption (PKCS#11 3.2 section 5.8): local with a public key, the daemon's with a secret one.

use cryptoki_sys as ck;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, key_for, pass};
use crate::{
    cipher::{Cipher, Direction},
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    module::Module,
    public_key::{PublicKey, rsa_key},
    remote::Remote,
    session::{Encrypt, Encryptor},
};

/// C_EncryptInit (section 5.8.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_ENCRYPT, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_ENCRYPT)?;
        let encryptor = match mechanism.row.fits(ck::CKK_RSA) {
            true => Encryptor::Public {
                key: PublicKey::of(&attributes)?,
                mechanism,
                ciphertext_len: rsa_key::modulus_len_bytes(&attributes)?,
            },
            false => Encryptor::Secret(Cipher::new(key, mechanism, Direction::Encrypt)?),
        };
        Ok(Encrypt { encryptor, multi_part: false })
    })
}

impl Encrypt {
    /// The cipher that takes parts; RSA encrypts one, so with it there is no multi-part operation.
    pub fn parts(&self) -> Result<&Cipher> {
        match &self.encryptor {
            Encryptor::Secret(cipher) => Ok(cipher),
            Encryptor::Public { .. } => Err(Error::OperationNotInitialized),
        }
    }

    /// Takes a part.
    pub fn update(&mut self, remote: &Remote, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.multi_part = true;
        match &mut self.encryptor {
            Encryptor::Secret(cipher) => cipher.update(remote, data),
            Encryptor::Public { .. } => Err(Error::OperationNotInitialized),
        }
    }
}

/// C_Encrypt (section 5.8.2).
pub fn encrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |operation: &Encrypt| match &operation.encryptor {
        _ if operation.multi_part => Err(Error::OperationNotInitialized),
        Encryptor::Public { ciphertext_len, .. } => Ok(Length::Exact(*ciphertext_len)),
        Encryptor::Secret(cipher) => cipher.finish_len(data.clone()?.len()),
    };
    finish_operation(module, session, &out, length, |operation, remote| match &mut operation.encryptor {
        Encryptor::Public { key, mechanism, .. } => key.encrypt(mechanism, data.clone()?).map(Zeroizing::new),
        Encryptor::Secret(cipher) => cipher.finish(remote, data.clone()?),
    })
}

/// C_EncryptUpdate (section 5.8.3).
pub fn update(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |operation: &Encrypt| operation.parts()?.update_len(data.clone()?.len());
    pass(module, session, &out, length, |operation, remote| operation.update(remote, data.clone()?))
}

/// C_EncryptFinal (section 5.8.4).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Encrypt| operation.parts()?.finish_len(0);
    finish_operation(module, session, &out, length, |operation, remote| match &mut operation.encryptor {
        Encryptor::Secret(cipher) => cipher.finish(remote, &[]),
        Encryptor::Public { .. } => Err(Error::OperationNotInitialized),
    })
}
