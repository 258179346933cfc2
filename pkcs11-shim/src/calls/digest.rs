//! Digests (PKCS#11 3.2 section 5.11), wholly local.

use cryptoki_sys as ck;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, step};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    hash::Hasher,
    module::Module,
    session::Digest,
};

/// C_DigestInit (section 5.11.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_DIGEST, |mechanism| {
        let hash = mechanism.row.hash.ok_or(Error::MechanismInvalid)?;
        Ok(Digest { hasher: Hasher::new(hash), len: hash.len(), multi_part: false })
    })
}

/// C_Digest (section 5.11.2).
pub fn digest(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Digest| match operation.multi_part {
        false => Ok(Length::Exact(operation.len)),
        true => Err(Error::OperationNotInitialized),
    };
    finish_operation(module, session, &out, length, |operation, _| {
        let mut hasher = operation.hasher.clone();
        hasher.update(data.bytes()?);
        Ok(Zeroizing::new(hasher.finish()))
    })
}

/// C_DigestUpdate (section 5.11.3).
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Digest| {
        operation.hasher.update(data.bytes()?);
        operation.multi_part = true;
        Ok(())
    })
}

/// C_DigestFinal (section 5.11.5).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Digest| Ok(Length::Exact(operation.len));
    finish_operation(module, session, &out, length, |operation, _| {
        Ok(Zeroizing::new(operation.hasher.clone().finish()))
    })
}
