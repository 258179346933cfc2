//! Signing (PKCS#11 3.2 section 5.12): everything local but the signature, which is exactly one call.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, key_for, step};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    hash::Hasher,
    module::Module,
    public_key::signature_len_bytes,
    remote::Remote,
    session::Sign,
};

/// C_SignInit (section 5.12.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_SIGN, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_SIGN)?;
        let signature_len = signature_len_bytes(&attributes)?;
        let hasher = mechanism.row.hash.map(Hasher::new);
        Ok(Sign { key, mechanism, signature_len, hasher, multi_part: false })
    })
}

/// The one call.
fn ask(operation: &Sign, remote: &Remote, data: Vec<u8>) -> Result<Zeroizing<Vec<u8>>> {
    operation.mechanism.check_data(data.len(), operation.signature_len)?;
    let mechanism = Some(operation.mechanism.to_wire());
    let sign = wire::Sign { key: Some(operation.key.to_key()), mechanism, data: data.into(), ..wire::Sign::default() };
    remote.sign(sign).map(|signature| Zeroizing::new(signature.to_vec())).map_err(Error::about_key)
}

/// C_Sign (section 5.12.2).
pub fn sign(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Sign| match operation.multi_part {
        false => Ok(Length::Exact(operation.signature_len)),
        true => Err(Error::OperationNotInitialized),
    };
    finish_operation(module, session, &out, length, |operation, remote| {
        let data = data.bytes()?;
        let data = match operation.hasher.clone() {
            Some(mut hasher) => {
                hasher.update(data);
                hasher.finish()
            }
            None => data.to_vec(),
        };
        ask(operation, remote, data)
    })
}

/// C_SignUpdate (section 5.12.3): for mechanisms that hash; the raw ones sign one part.
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Sign| {
        operation.hasher.as_mut().ok_or(Error::OperationNotInitialized)?.update(data.bytes()?);
        operation.multi_part = true;
        Ok(())
    })
}

/// C_SignFinal (section 5.12.4).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Sign| Ok(Length::Exact(operation.signature_len));
    finish_operation(module, session, &out, length, |operation, remote| {
        let hasher = operation.hasher.clone().ok_or(Error::OperationNotInitialized)?;
        ask(operation, remote, hasher.finish())
    })
}
