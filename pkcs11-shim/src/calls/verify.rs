//! Verification (PKCS#11 3.2 section 5.14), wholly local: the key is public, and the daemon has better to do.

use cryptoki_sys as ck;

use super::{begin, key_for, step, take};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg},
    hash::Hasher,
    mechanism::Mechanism,
    module::Module,
    public_key::{PublicKey, signature_len_bytes},
    session::{Verify, VerifySignature},
};

/// C_VerifyInit (section 5.14.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_VERIFY, |mechanism| prepare(module, session, mechanism, key))
}

fn prepare(module: &Module, session: u64, mechanism: Mechanism, key: u64) -> Result<Verify> {
    let (_, attributes) = key_for(module, session, key, &mechanism, ck::CKA_VERIFY)?;
    let (key, signature_len) = (PublicKey::of(&attributes)?, signature_len_bytes(&attributes)?);
    let hasher = mechanism.row.hash.map(Hasher::new);
    Ok(Verify { key, mechanism, signature_len, hasher, multi_part: false })
}

fn check(operation: &Verify, data: &[u8], signature: &[u8]) -> Result<()> {
    if signature.len() != operation.signature_len {
        return Err(Error::SignatureLenRange);
    }
    operation.key.verify(&operation.mechanism, data, signature)
}

/// The whole message at once; the operation has ended, whatever comes of it.
fn single(mut operation: Verify, data: &[u8], signature: &[u8]) -> Result<()> {
    if operation.multi_part {
        return Err(Error::OperationNotInitialized);
    }
    match operation.hasher.take() {
        Some(mut hasher) => {
            hasher.update(data);
            check(&operation, &hasher.finish(), signature)
        }
        None => {
            operation.mechanism.check_data(data.len(), operation.signature_len)?;
            check(&operation, data, signature)
        }
    }
}

/// More of the message: for mechanisms that hash; the raw ones verify one part.
fn more(operation: &mut Verify, data: &InBuf) -> Result<()> {
    operation.hasher.as_mut().ok_or(Error::OperationNotInitialized)?.update(data.bytes()?);
    operation.multi_part = true;
    Ok(())
}

/// The end of the message.
fn last(mut operation: Verify, signature: &[u8]) -> Result<()> {
    let hasher = operation.hasher.take().ok_or(Error::OperationNotInitialized)?;
    check(&operation, &hasher.finish(), signature)
}

/// C_Verify (section 5.14.2): always ends the operation.
pub fn verify(module: &Module, session: u64, data: InBuf, signature: InBuf) -> Result<()> {
    let (operation, _) = take::<Verify>(module, session)?;
    single(operation, data.bytes()?, signature.bytes()?)
}

/// C_VerifyUpdate (section 5.14.3).
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Verify| more(operation, &data))
}

/// C_VerifyFinal (section 5.14.4): always ends the operation.
pub fn finish(module: &Module, session: u64, signature: InBuf) -> Result<()> {
    let (operation, _) = take::<Verify>(module, session)?;
    last(operation, signature.bytes()?)
}

/// C_VerifySignatureInit (section 5.15.1): the signature comes before the message.
pub fn init_signature(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    key: u64,
    signature: InBuf,
) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_VERIFY, |mechanism| {
        let verify = prepare(module, session, mechanism, key)?;
        Ok(VerifySignature { verify, signature: signature.bytes()?.to_vec() })
    })
}

/// C_VerifySignature (section 5.15.2): always ends the operation.
pub fn verify_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    let (operation, _) = take::<VerifySignature>(module, session)?;
    single(operation.verify, data.bytes()?, &operation.signature)
}

/// C_VerifySignatureUpdate (section 5.15.3).
pub fn update_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut VerifySignature| more(&mut operation.verify, &data))
}

/// C_VerifySignatureFinal (section 5.15.4): always ends the operation.
pub fn finish_signature(module: &Module, session: u64) -> Result<()> {
    let (operation, _) = take::<VerifySignature>(module, session)?;
    last(operation.verify, &operation.signature)
}
