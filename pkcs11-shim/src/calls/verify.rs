//! Verification (PKCS#11 3.2 sections 5.15 and 5.17). Of a signature it is wholly local: the key is public, and the
//! daemon has better to do. A MAC is checked by the daemon, which has the key.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;

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

/// The verdict.
pub fn check(operation: &Verify, remote: &Remote, message: Message, signature: &[u8]) -> Result<()> {
    if let Some(len) = message.single_len() {
        operation.mechanism.check_data(len, operation.signature_len)?;
    }
    if signature.len() != operation.signature_len {
        return Err(Error::SignatureLenRange);
    }
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
            remote.using(&[key]).verify(verify).map_err(Error::about_key)
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

/// C_VerifySignatureInit (section 5.17.1): the signature comes before the message.
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

/// C_VerifySignature (section 5.17.2): always ends the operation.
pub fn verify_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    let (operation, remote) = take::<VerifySignature>(module, session)?;
    single(&operation.verify, &remote, data.bytes()?, &operation.signature)
}

/// C_VerifySignatureUpdate (section 5.17.3).
pub fn update_signature(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut VerifySignature, remote| more(&mut operation.verify, remote, data.bytes()?))
}

/// C_VerifySignatureFinal (section 5.17.4): always ends the operation.
pub fn finish_signature(module: &Module, session: u64) -> Result<()> {
    let (operation, remote) = take::<VerifySignature>(module, session)?;
    last(&operation.verify, &remote, &operation.signature)
}
