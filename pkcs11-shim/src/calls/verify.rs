//! Verification (PKCS#11 3.2 section 5.14), wholly local: the key is public, and the daemon has better to do.

use cryptoki_sys as ck;

use super::{begin, key_for, step, take};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg},
    hash::Hasher,
    module::Module,
    public_key::{PublicKey, signature_len_bytes},
    session::Verify,
};

/// C_VerifyInit (section 5.14.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_VERIFY, |mechanism| {
        let (_, attributes) = key_for(module, session, key, &mechanism, ck::CKA_VERIFY)?;
        let (key, signature_len) = (PublicKey::of(&attributes)?, signature_len_bytes(&attributes)?);
        let hasher = mechanism.row.hash.map(Hasher::new);
        Ok(Verify { key, mechanism, signature_len, hasher, multi_part: false })
    })
}

fn check(operation: &Verify, data: &[u8], signature: &InBuf) -> Result<()> {
    let signature = signature.bytes()?;
    if signature.len() != operation.signature_len {
        return Err(Error::SignatureLenRange);
    }
    operation.key.verify(&operation.mechanism, data, signature)
}

/// C_Verify (section 5.14.2): always ends the operation.
pub fn verify(module: &Module, session: u64, data: InBuf, signature: InBuf) -> Result<()> {
    let (mut operation, _) = take::<Verify>(module, session)?;
    if operation.multi_part {
        return Err(Error::OperationNotInitialized);
    }
    let data = data.bytes()?;
    match operation.hasher.take() {
        Some(mut hasher) => {
            hasher.update(data);
            check(&operation, &hasher.finish(), &signature)
        }
        None => {
            operation.mechanism.check_data(data.len(), operation.signature_len)?;
            check(&operation, data, &signature)
        }
    }
}

/// C_VerifyUpdate (section 5.14.3).
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Verify| {
        operation.hasher.as_mut().ok_or(Error::OperationNotInitialized)?.update(data.bytes()?);
        operation.multi_part = true;
        Ok(())
    })
}

/// C_VerifyFinal (section 5.14.4): always ends the operation.
pub fn finish(module: &Module, session: u64, signature: InBuf) -> Result<()> {
    let (mut operation, _) = take::<Verify>(module, session)?;
    let hasher = operation.hasher.take().ok_or(Error::OperationNotInitialized)?;
    check(&operation, &hasher.finish(), &signature)
}
