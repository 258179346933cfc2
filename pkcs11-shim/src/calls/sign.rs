//! Signing (PKCS#11 3.2 section 5.13): everything local but the signature or MAC, which is exactly one call for a message
//! that fits one.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, key_for, step, use_of};
use crate::{
    attribute::Attributes,
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    mechanism::Mechanism,
    message::{MacTaker, Message},
    module::Module,
    object::Key,
    public_key::signature_len_bytes,
    remote::Remote,
    session::{Sign, Use},
};

/// C_SignInit (section 5.13.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_SIGN, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_SIGN)?;
        prepare(key, mechanism, &attributes)
    })
}

/// An operation with nothing of a message.
pub fn prepare(key: Key, mechanism: Mechanism, attributes: &Attributes) -> Result<Sign> {
    let signature_len = signature_len(&mechanism, attributes)?;
    let message = Message::new(&mechanism, attributes)?;
    Ok(Sign { usage: use_of(key, mechanism, attributes), signature_len, message, multi_part: false })
}

/// The length of a signature or MAC.
pub fn signature_len(mechanism: &Mechanism, attributes: &Attributes) -> Result<usize> {
    mechanism.mac_len_bytes().map_or_else(|| signature_len_bytes(attributes), Ok)
}

/// Takes in more of a message.
pub fn take_in(usage: &Use, message: &mut Message, remote: &Remote, data: &[u8]) -> Result<()> {
    message.update(data, &MacTaker { remote, key: &usage.key, mechanism: &usage.mechanism, verify: false })
}

/// The one call.
pub fn ask(usage: &mut Use, remote: &Remote, message: Message, signature_len: usize) -> Result<Zeroizing<Vec<u8>>> {
    if let Some(len) = message.single_len() {
        usage.mechanism.check_data(len, signature_len)?;
    }
    let finished = message.finish();
    let sign = wire::Sign {
        key: Some(usage.spend()?),
        mechanism: Some(usage.mechanism.to_wire()),
        data: finished.data.into(),
        mac_state: finished.mac_state,
        recover: false,
    };
    remote.sign(sign).map(|signature| Zeroizing::new(signature.to_vec())).map_err(Error::about_key)
}

/// C_Sign (section 5.13.2).
pub fn sign(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Sign| match operation.multi_part {
        false => Ok(Length::Exact(operation.signature_len)),
        true => Err(Error::OperationNotInitialized),
    };
    finish_operation(module, session, &out, length, |operation, remote| {
        let mut message = operation.message.clone();
        take_in(&operation.usage, &mut message, remote, data.bytes()?)?;
        ask(&mut operation.usage, remote, message, operation.signature_len)
    })
}

/// C_SignUpdate (section 5.13.3); mechanisms that sign the caller's own block take one part.
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Sign, remote| more(operation, remote, data.bytes()?))
}

/// More of the message.
pub fn more(operation: &mut Sign, remote: &Remote, data: &[u8]) -> Result<()> {
    if !operation.message.takes_parts() {
        return Err(Error::OperationNotInitialized);
    }
    operation.multi_part = true;
    take_in(&operation.usage, &mut operation.message, remote, data)
}

/// C_SignFinal (section 5.13.4).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Sign| match operation.message.takes_parts() {
        true => Ok(Length::Exact(operation.signature_len)),
        false => Err(Error::OperationNotInitialized),
    };
    finish_operation(module, session, &out, length, |operation, remote| {
        let message = operation.message.clone();
        ask(&mut operation.usage, remote, message, operation.signature_len)
    })
}
