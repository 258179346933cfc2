//! Message-based signing and verification (PKCS#11 3.2 sections 5.14 and 5.16): many messages with one key.

use cryptoki_sys as ck;

use super::{
    begin, converse, key_for,
    sign::{self, ask},
    take,
    verify::{self, check},
};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, MessageArg, OutBuf, Room},
    message::Message,
    module::Module,
    session::{MessageSign, MessageVerify},
};

/// C_MessageSignInit (section 5.14.1).
pub fn init_sign(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_MESSAGE_SIGN, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_SIGN)?;
        Ok(MessageSign { sign: sign::prepare(key, mechanism, &attributes)?, current: None })
    })
}

/// C_SignMessage (section 5.14.2).
pub fn sign(module: &Module, session: u64, parameter: MessageArg, data: InBuf, out: OutBuf) -> Result<()> {
    converse(module, session, |operation: &mut MessageSign, remote| {
        if operation.current.is_some() {
            return Err(Error::OperationActive);
        }
        parameter.require_none()?;
        let data = data.bytes()?;
        let sign = &mut operation.sign;
        if out.room_for(sign.signature_len)? == Room::Query {
            return Ok(());
        }
        let mut message = sign.message.clone();
        sign::take_in(&sign.usage, &mut message, remote, data)?;
        out.write(&ask(&mut sign.usage, remote, message, sign.signature_len)?)
    })
}

/// A message begun; mechanisms that sign the caller's own block take one part.
fn start(current: &mut Option<Message>, fresh: &Message, parameter: &MessageArg) -> Result<()> {
    if current.is_some() {
        return Err(Error::OperationActive);
    }
    parameter.require_none()?;
    if !fresh.takes_parts() {
        return Err(Error::OperationNotInitialized);
    }
    *current = Some(fresh.clone());
    Ok(())
}

/// C_SignMessageBegin (section 5.14.3).
pub fn start_sign(module: &Module, session: u64, parameter: MessageArg) -> Result<()> {
    converse(module, session, |operation: &mut MessageSign, _| {
        start(&mut operation.current, &operation.sign.message, &parameter)
    })
}

/// C_SignMessageNext (section 5.14.4): without room for the length of a signature, more of the message follows.
pub fn next_sign(module: &Module, session: u64, parameter: MessageArg, data: InBuf, out: OutBuf) -> Result<()> {
    converse(module, session, |operation: &mut MessageSign, remote| {
        let mut message = operation.current.take().ok_or(Error::OperationNotInitialized)?;
        parameter.require_none()?;
        let (data, sign) = (data.bytes()?, &mut operation.sign);
        if out.has_no_length() {
            sign::take_in(&sign.usage, &mut message, remote, data)?;
            operation.current = Some(message);
            return Ok(());
        }
        match out.room_for(sign.signature_len) {
            Ok(Room::Enough) => {
                sign::take_in(&sign.usage, &mut message, remote, data)?;
                out.write(&ask(&mut sign.usage, remote, message, sign.signature_len)?)
            }
            asked => {
                operation.current = Some(message);
                asked.map(drop)
            }
        }
    })
}

/// C_MessageSignFinal (section 5.14.5).
pub fn end_sign(module: &Module, session: u64) -> Result<()> {
    take::<MessageSign>(module, session).map(drop)
}

/// C_MessageVerifyInit (section 5.16.1).
pub fn init_verify(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_MESSAGE_VERIFY, |mechanism| {
        Ok(MessageVerify { verify: verify::prepare(module, session, mechanism, key)?, current: None })
    })
}

/// C_VerifyMessage (section 5.16.2).
pub fn verify(module: &Module, session: u64, parameter: MessageArg, data: InBuf, signature: InBuf) -> Result<()> {
    converse(module, session, |operation: &mut MessageVerify, remote| {
        if operation.current.is_some() {
            return Err(Error::OperationActive);
        }
        parameter.require_none()?;
        let verify = &operation.verify;
        let mut message = verify.message.clone();
        verify::take_in(&verify.verifier, &verify.mechanism, &mut message, remote, data.bytes()?)?;
        check(verify, remote, message, signature.bytes()?)
    })
}

/// C_VerifyMessageBegin (section 5.16.3).
pub fn start_verify(module: &Module, session: u64, parameter: MessageArg) -> Result<()> {
    converse(module, session, |operation: &mut MessageVerify, _| {
        start(&mut operation.current, &operation.verify.message, &parameter)
    })
}

/// C_VerifyMessageNext (section 5.16.4): without a signature, more of the message follows.
pub fn next_verify(module: &Module, session: u64, parameter: MessageArg, data: InBuf, signature: InBuf) -> Result<()> {
    converse(module, session, |operation: &mut MessageVerify, remote| {
        let mut message = operation.current.take().ok_or(Error::OperationNotInitialized)?;
        parameter.require_none()?;
        let verify = &operation.verify;
        verify::take_in(&verify.verifier, &verify.mechanism, &mut message, remote, data.bytes()?)?;
        if signature.is_null() {
            operation.current = Some(message);
            return Ok(());
        }
        check(verify, remote, message, signature.bytes()?)
    })
}

/// C_MessageVerifyFinal (section 5.16.5).
pub fn end_verify(module: &Module, session: u64) -> Result<()> {
    take::<MessageVerify>(module, session).map(drop)
}
