//! Verification (PKCS#11 3.2 section 5.15). Of a signature it is wholly local: the key is public, and the
//! daemon has better to do. A MAC is checked by the daemon, which has the key.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{mechanism::Family, pkcs11::v1 as wire};

use super::{begin, key_for, sign::signature_len, step, take};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg},
    mechanism::Mechanism,
    message::{MacTaker, Message},
    module::Module,
    public_key::PublicKey,
    remote::Remote,
    session::{Verifier, Verify, VerifySignature},
};

/// C_VerifyInit (section 5.15.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_VERIFY, |mechanism| prepare(module, session, mechanism, key))
}

/// An operation with nothing of a message.
pub fn prepare(module: &Module, session: u64, mechanism: Mechanism, key: u64) -> Result<Verify> {
    let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_VERIFY)?;
    let signature_len = signature_len(&mechanism, &attributes)?;
    let message = Message::new(&mechanism, &attributes)?;
    let verifier = match mechanism.is_mac() {
        true => Verifier::Daemon(key),
        false => Verifier::Public(PublicKey::of(&attributes)?),
    };
    Ok(Verify { verifier, mechanism, signature_len, message, multi_part: false })
}

/// Takes in more of a message.
pub fn take_in(
    verifier: &Verifier,
    mechanism: &Mechanism,
    message: &mut Message,
    remote: &Remote,
    data: &[u8],
) -> Result<()> {
    match verifier {
        Verifier::Daemon(key) => message.update(data, &MacTaker { remote, key, mechanism, verify: true }),
        Verifier::Public(_) => message.update_local(data),
    }
}

/// A signature of the length that the key gives. One of ECDSA may come shorter: an application that had r and s as
/// numbers leaves out the zeros that stand before both (section 6.3.1).
fn whole<'s>(mechanism: &Mechanism, signature_len: usize, signature: &'s [u8]) -> Result<Cow<'s, [u8]>> {
    if signature.len() == signature_len {
        return Ok(signature.into());
    }
    let may_be_short = mechanism.row.family == Family::Ecdsa && signature.len() < signature_len;
    if !may_be_short || signature.is_empty() || !signature.len().is_multiple_of(2) {
        return Err(Error::SignatureLenRange);
    }
    let missing = vec![0; (signature_len - signature.len()) / 2];
    let (r, s) = signature.split_at(signature.len() / 2);
    Ok([&missing, r, &missing, s].concat().into())
}

/// The verdict.
pub fn check(operation: &Verify, remote: &Remote, message: Message, signature: &[u8]) -> Result<()> {
    if let Some(len) = message.single_len() {
        operation.mechanism.check_data(len, operation.signature_len)?;
    }
    let signature = &*whole(&operation.mechanism, operation.signature_len, signature)?;
    let finished = message.finish();
    match &operation.verifier {
        Verifier::Public(key) => key.verify(&operation.mechanism, &finished.data, signature),
        Verifier::Daemon(key) => {
            let verify = wire::Verify {
                key: Some(key.to_wire(None)),
                mechanism: Some(operation.mechanism.to_wire()),
                data: finished.data.into(),
                signature: signature.to_vec().into(),
                mac_state: finished.mac_state,
            };
            remote.verify(verify).map_err(Error::about_key)
        }
    }
}

/// The whole message at once; the operation has ended, whatever comes of it.
fn single(operation: &Verify, remote: &Remote, data: &[u8], signature: &[u8]) -> Result<()> {
    if operation.multi_part {
        return Err(Error::OperationNotInitialized);
    }
    let mut message = operation.message.clone();
    take_in(&operation.verifier, &operation.mechanism, &mut message, remote, data)?;
    check(operation, remote, message, signature)
}

/// More of the message; mechanisms that sign the caller's own block take one part.
pub fn more(operation: &mut Verify, remote: &Remote, data: &[u8]) -> Result<()> {
    let Verify { verifier, mechanism, message, multi_part, .. } = operation;
    if !message.takes_parts() {
        return Err(Error::OperationNotInitialized);
    }
    *multi_part = true;
    take_in(verifier, mechanism, message, remote, data)
}

/// The end of the message.
fn last(operation: &Verify, remote: &Remote, signature: &[u8]) -> Result<()> {
    if !operation.message.takes_parts() {
        return Err(Error::OperationNotInitialized);
    }
    check(operation, remote, operation.message.clone(), signature)
}

/// C_Verify (section 5.15.2): always ends the operation.
pub fn verify(module: &Module, session: u64, data: InBuf, signature: InBuf) -> Result<()> {
    let (operation, remote) = take::<Verify>(module, session)?;
    single(&operation, &remote, data.bytes()?, signature.bytes()?)
}

/// C_VerifyUpdate (section 5.15.3).
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Verify, remote| more(operation, remote, data.bytes()?))
}

/// C_VerifyFinal (section 5.15.4): always ends the operation.
pub fn finish(module: &Module, session: u64, signature: InBuf) -> Result<()> {
    let (operation, remote) = take::<Verify>(module, session)?;
    last(&operation, &remote, signature.bytes()?)
}

/// C_VerifySignatureInit: the signature comes before the message.
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

/// C_VerifySignature: always ends the operation.
pub fn verify_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    let (operation, remote) = take::<VerifySignature>(module, session)?;
    single(&operation.verify, &remote, data.bytes()?, &operation.signature)
}

/// C_VerifySignatureUpdate.
pub fn update_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut VerifySignature, remote| more(&mut operation.verify, remote, data.bytes()?))
}

/// C_VerifySignatureFinal: always ends the operation.
pub fn finish_signature(module: &Module, session: u64) -> Result<()> {
    let (operation, remote) = take::<VerifySignature>(module, session)?;
    last(&operation.verify, &remote, &operation.signature)
}
