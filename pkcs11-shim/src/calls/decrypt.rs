//! Decryption (PKCS#11 3.2 section 5.10), the daemon's. Why a ciphertext does not open is nobody's business: the daemon
//! has one code for it.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, key_for, pass, use_of};
use crate::{
    cipher::{Cipher, Direction},
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    mechanism::Family,
    module::Module,
    public_key::rsa_key,
    remote::Remote,
    session::{Decrypt, Decryptor},
};

/// The largest ciphertext that is sent to a private key: the exact length is the daemon's to check.
const MAX_CIPHERTEXT_BYTES: usize = 64 * 1024;

/// C_DecryptInit (section 5.10.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_DECRYPT, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_DECRYPT)?;
        let decryptor = if mechanism.row.fits(ck::CKK_RSA) {
            let modulus_len = rsa_key::modulus_len_bytes(&attributes)?;
            let plaintext_len = match mechanism.row.family {
                Family::RsaX509 => Length::Exact(modulus_len),
                _ => Length::UpTo(rsa_key::capacity_bytes(&mechanism, modulus_len)),
            };
            Decryptor::Private { usage: use_of(key, mechanism, &attributes), plaintext_len }
        } else {
            Decryptor::Secret(Cipher::new(key, mechanism, Direction::Decrypt)?)
        };
        Ok(Decrypt { decryptor, multi_part: false, kept: None })
    })
}

impl Decrypt {
    /// The cipher that takes parts; RSA decrypts one, so with it there is no multi-part operation.
    pub fn parts(&self) -> Result<&Cipher> {
        match &self.decryptor {
            Decryptor::Secret(cipher) => Ok(cipher),
            Decryptor::Private { .. } => Err(Error::OperationNotInitialized),
        }
    }

    /// Takes a part.
    pub fn update(&mut self, remote: &Remote, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.multi_part = true;
        self.kept = None;
        match &mut self.decryptor {
            Decryptor::Secret(cipher) => cipher.update(remote, data),
            Decryptor::Private { .. } => Err(Error::OperationNotInitialized),
        }
    }

    /// The last ciphertext, or what is left of it. A padded plaintext's length shows only when it is there: if it does
    /// not fit the buffer then, the next call with the same ciphertext finds it here.
    fn open(&mut self, remote: &Remote, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        if let Some((ciphertext, plaintext)) = &self.kept
            && ciphertext == data
        {
            return Ok(plaintext.clone());
        }
        let plaintext = match &mut self.decryptor {
            Decryptor::Secret(cipher) if matches!(cipher.finish_len(data.len())?, Length::Exact(_)) => {
                return cipher.finish(remote, data);
            }
            // A copy works: a call that is to be repeated must find the cipher as it was.
            Decryptor::Secret(cipher) => cipher.clone().finish(remote, data)?,
            Decryptor::Private { usage, .. } => {
                if data.len() > MAX_CIPHERTEXT_BYTES {
                    return Err(Error::EncryptedDataLenRange);
                }
                let decrypt = wire::Decrypt {
                    key: Some(usage.spend()?),
                    mechanism: Some(usage.mechanism.to_wire()),
                    ciphertext: data.to_vec().into(),
                    partial: false,
                };
                remote.decrypt(decrypt).map_err(Error::about_key)?
            }
        };
        self.kept = Some((data.to_vec(), plaintext.clone()));
        Ok(plaintext)
    }
}

/// C_Decrypt (section 5.10.2).
pub fn decrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |operation: &Decrypt| match &operation.decryptor {
        _ if operation.multi_part => Err(Error::OperationNotInitialized),
        Decryptor::Private { plaintext_len, .. } => Ok(*plaintext_len),
        Decryptor::Secret(cipher) => cipher.finish_len(data.clone()?.len()),
    };
    finish_operation(module, session, &out, length, |operation, remote| operation.open(remote, data.clone()?))
}

/// C_DecryptUpdate (section 5.10.3).
pub fn update(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |operation: &Decrypt| operation.parts()?.update_len(data.clone()?.len());
    pass(module, session, &out, length, |operation, remote| operation.update(remote, data.clone()?))
}

/// C_DecryptFinal (section 5.10.4).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Decrypt| operation.parts()?.finish_len(0);
    finish_operation(module, session, &out, length, |operation, remote| operation.open(remote, &[]))
}
