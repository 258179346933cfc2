//! Key encapsulation (PKCS#11 3.2 sections 5.18.8 and 5.18.9): a new secret for the owner of a public key, and the same
//! secret out of the ciphertext.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{DecapsulateKey, EncapsulateKey};

use super::{
    key_for,
    object::{only_created, store_created},
    remote_for_new,
};
use crate::{
    attribute::Attributes,
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf, OutValue, Room, Template},
    module::Module,
    remote::random_id,
};

/// Longer than any ciphertext: what is longer is not sent.
const MAX_CIPHERTEXT_BYTES: usize = 8 * 1024;

/// The length of a ciphertext (FIPS 203 table 3).
fn ciphertext_len(key: &Attributes) -> Result<usize> {
    match key.ulong(ck::CKA_PARAMETER_SET) {
        Some(ck::CKP_ML_KEM_512) => Ok(768),
        Some(ck::CKP_ML_KEM_768) => Ok(1088),
        Some(ck::CKP_ML_KEM_1024) => Ok(1568),
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// C_EncapsulateKey. A length query makes no key.
pub fn encapsulate(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    key: u64,
    template: Template,
    out: (OutBuf, OutValue<ck::CK_OBJECT_HANDLE>),
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    let mechanism = mechanism.parse()?.require(ck::CKF_ENCAPSULATE)?;
    let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_ENCAPSULATE)?;
    if out.0.room_for(ciphertext_len(&attributes)?)? == Room::Query {
        return Ok(());
    }
    out.1.require()?;
    let template = template.parse()?;
    let remote = remote_for_new(module, session, &[&template])?;
    let (ciphertext, created) = remote
        .encapsulate_key(EncapsulateKey {
            public_key: Some(key.to_wire(None)),
            mechanism: Some(mechanism.to_wire()),
            template,
            request_id: random_id()?,
        })
        .map_err(Error::about_key)?;
    let handle = only_created(&store_created(module, session, &remote, created)?, &[])?;
    out.0.write(&ciphertext)?;
    out.1.set(handle)
}

/// C_DecapsulateKey.
pub fn decapsulate(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    key: u64,
    inputs: (Template, InBuf),
    out: OutValue<ck::CK_OBJECT_HANDLE>,
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.require()?;
    let mechanism = mechanism.parse()?.require(ck::CKF_DECAPSULATE)?;
    let (key, _) = key_for(module, session, key, &mechanism, ck::CKA_DECAPSULATE)?;
    let (template, ciphertext) = (inputs.0.parse()?, inputs.1.bytes()?);
    if ciphertext.len() > MAX_CIPHERTEXT_BYTES {
        return Err(Error::WrappedKeyLenRange);
    }
    let remote = remote_for_new(module, session, &[&template])?;
    let reply = remote
        .decapsulate_key(DecapsulateKey {
            private_key: Some(key.to_wire(None)),
            mechanism: Some(mechanism.to_wire()),
            ciphertext: ciphertext.to_vec().into(),
            template,
            request_id: random_id()?,
        })
        .map_err(Error::about_key)?;
    out.set(only_created(&store_created(module, session, &remote, reply)?, &[])?)
}
