//! Decryption (PKCS#11 3.2 section 5.10): exactly one call. Why a ciphertext does not open is nobody's business: the
//! daemon has one code for it.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;

use super::{Length, begin, finish, key_for, take};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    mechanism::Params,
    module::Module,
    public_key::{oaep_capacity_bytes, signature_len_bytes},
    session::Decrypt,
};

/// The largest ciphertext that is sent: the key's length is the daemon's to check, a megabyte is nobody's ciphertext.
const MAX_CIPHERTEXT_BYTES: usize = 64 * 1024;

/// C_DecryptInit (section 5.10.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_DECRYPT, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_DECRYPT)?;
        let modulus_len = signature_len_bytes(&attributes)?;
        let max_plaintext_len = match &mechanism.params {
            Params::Oaep(oaep) => oaep_capacity_bytes(oaep, modulus_len),
            Params::None | Params::Pss(_) => modulus_len,
        };
        Ok(Decrypt { key, mechanism, max_plaintext_len })
    })
}

/// C_Decrypt (section 5.10.2).
pub fn decrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Decrypt| Ok(Length::UpTo(operation.max_plaintext_len));
    finish(module, session, &out, length, |operation, remote| {
        let ciphertext = data.bytes()?;
        if ciphertext.len() > MAX_CIPHERTEXT_BYTES {
            return Err(Error::EncryptedDataLenRange);
        }
        let mechanism = Some(operation.mechanism.to_wire());
        let key = Some(operation.key.to_key());
        remote
            .decrypt(wire::Decrypt { key, mechanism, ciphertext: ciphertext.to_vec().into(), partial: false })
            .map_err(Error::about_key)
    })
}

/// C_DecryptUpdate and C_DecryptFinal: RSA decrypts one part, so there is no multi-part operation to go on with.
pub fn multi_part(module: &Module, session: u64) -> Result<()> {
    take::<Decrypt>(module, session)?;
    Err(Error::OperationNotInitialized)
}
