//! Encryption with a public key (PKCS#11 3.2 section 5.8), wholly local.

use cryptoki_sys as ck;
use zeroize::Zeroizing;

use super::{Length, begin, finish, key_for, take};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    mechanism::Params,
    module::Module,
    public_key::{PublicKey, signature_len_bytes},
    session::Encrypt,
};

/// C_EncryptInit (section 5.8.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_ENCRYPT, |mechanism| {
        let (_, attributes) = key_for(module, session, key, &mechanism, ck::CKA_ENCRYPT)?;
        let (key, ciphertext_len) = (PublicKey::of(&attributes)?, signature_len_bytes(&attributes)?);
        Ok(Encrypt { key, mechanism, ciphertext_len })
    })
}

/// C_Encrypt (section 5.8.2).
pub fn encrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Encrypt| Ok(Length::Exact(operation.ciphertext_len));
    finish(module, session, &out, length, |operation, _| match &operation.mechanism.params {
        Params::Oaep(oaep) => operation.key.encrypt(oaep, data.bytes()?).map(Zeroizing::new),
        Params::None | Params::Pss(_) => Err(Error::MechanismInvalid),
    })
}

/// C_EncryptUpdate and C_EncryptFinal: RSA encrypts one part, so there is no multi-part operation to go on with.
pub fn multi_part(module: &Module, session: u64) -> Result<()> {
    take::<Encrypt>(module, session)?;
    Err(Error::OperationNotInitialized)
}
