//! Digests (PKCS#11 3.2 section 5.12), local; only the value of a key that is digested has to be asked for.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::ReadValues;
use zeroize::Zeroizing;

use super::{Length, begin, finish as finish_operation, object, step};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    hash::Hasher,
    module::Module,
    remote::Remote,
    session::Digest,
};

/// C_DigestInit (section 5.12.1).
pub fn init(module: &Module, session: u64, mechanism: MechanismArg) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_DIGEST, |mechanism| {
        let hash = mechanism.row.hash.ok_or(Error::MechanismInvalid)?;
        Ok(Digest { hasher: Hasher::new(hash), multi_part: false, has_key: false })
    })
}

impl Digest {
    /// The digest's length.
    pub fn len(&self) -> usize {
        self.hasher.hash().len()
    }

    /// Takes in more of the message.
    pub fn update(&mut self, data: &[u8]) {
        self.hasher.update(data);
        self.multi_part = true;
    }
}

/// C_Digest (section 5.12.2).
pub fn digest(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &Digest| match operation.multi_part {
        false => Ok(Length::Exact(operation.len())),
        true => Err(Error::OperationNotInitialized),
    };
    finish_operation(module, session, &out, length, |operation, _| {
        let mut hasher = operation.hasher.clone();
        hasher.update(data.bytes()?);
        Ok(Zeroizing::new(hasher.finish()))
    })
}

/// C_DigestUpdate (section 5.12.3).
pub fn update(module: &Module, session: u64, data: InBuf) -> Result<()> {
    step(module, session, |operation: &mut Digest, _| {
        operation.update(data.bytes()?);
        Ok(())
    })
}

/// C_DigestKey (section 5.12.4): of a secret key whose value the application could read too.
pub fn key(module: &Module, session: u64, handle: u64) -> Result<()> {
    step(module, session, |operation: &mut Digest, remote| {
        let entry = object::look(module, session, handle, object::Age::Current).map_err(Error::about_key)?;
        if entry.attributes.ulong(ck::CKA_CLASS) != Some(ck::CKO_SECRET_KEY)
            || entry.attributes.is(ck::CKA_SENSITIVE)
            || !entry.attributes.is(ck::CKA_EXTRACTABLE)
        {
            return Err(Error::KeyIndigestible);
        }
        let key = entry.key();
        let read = ReadValues { object: Some(key.to_wire(None)), types: vec![ck::CKA_VALUE] };
        operation.update(&read_value(remote, read)?);
        operation.has_key = true;
        Ok(())
    })
}

/// The value of a key.
fn read_value(remote: &Remote, read: ReadValues) -> Result<Zeroizing<Vec<u8>>> {
    let values = remote.read_values(read).map_err(Error::about_key)?;
    let value = values.into_iter().find(|(attribute_type, _)| *attribute_type == ck::CKA_VALUE);
    value.map(|(_, value)| value).ok_or(Error::KeyIndigestible)
}

/// C_DigestFinal (section 5.12.5).
pub fn finish(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let length = |operation: &Digest| Ok(Length::Exact(operation.len()));
    finish_operation(module, session, &out, length, |operation, _| {
        Ok(Zeroizing::new(operation.hasher.clone().finish()))
    })
}
