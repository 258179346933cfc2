//! Wrapping and unwrapping (PKCS#11 3.2 sections 5.18.3, 5.18.4, 5.18.6 and 5.18.7): one call each. Which key may leave
//! the token under which other one is the daemon's to decide; here the lengths are known, so that asking for one makes
//! nothing.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{self as wire, UnwrapKey, WrapKey, mechanism::Parameter};

use super::{
    key_for,
    object::{Age, look, only_created, store_created},
    remote_for_new,
};
use crate::{
    attribute::Attributes,
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf, OutValue, Room, Template},
    mechanism::{Family, Mechanism, Params},
    module::Module,
    public_key::signature_len_bytes,
    remote::random_id,
};

/// The longest wrapped key that is sent: an RSA key of 8192 bits has five kilobytes.
const MAX_WRAPPED_BYTES: usize = 64 * 1024;

/// C_WrapKey's and C_WrapKeyAuthenticated's arguments.
pub struct Wrap {
    /// The mechanism.
    pub mechanism: MechanismArg,
    /// The key that wraps.
    pub wrapping_key: u64,
    /// The key that is wrapped.
    pub key: u64,
    /// C_WrapKeyAuthenticated's associated data; none for C_WrapKey.
    pub associated_data: Option<InBuf>,
}

/// C_UnwrapKey's and C_UnwrapKeyAuthenticated's arguments.
pub struct Unwrap {
    /// The mechanism.
    pub mechanism: MechanismArg,
    /// The key that unwraps.
    pub unwrapping_key: u64,
    /// What it unwraps.
    pub wrapped: InBuf,
    /// The new key's.
    pub template: Template,
    /// C_UnwrapKeyAuthenticated's associated data; none for C_UnwrapKey.
    pub associated_data: Option<InBuf>,
}

/// C_WrapKey (section 5.18.3) and C_WrapKeyAuthenticated (section 5.18.6).
pub fn wrap(module: &Module, session: u64, given: Wrap, out: OutBuf) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    let mechanism = given.mechanism.parse_to_wrap()?.require(ck::CKF_WRAP)?;
    let (wire, associated_data) = authenticated(&mechanism, given.associated_data.as_ref())?;
    let (wrapping, attributes) =
        key_for(module, session, given.wrapping_key, &mechanism, ck::CKA_WRAP).map_err(Error::about_wrapping_key)?;
    let target = look(module, session, given.key, Age::Any).map_err(Error::about_key)?;
    if !matches!(target.id.class, ck::CKO_SECRET_KEY | ck::CKO_PRIVATE_KEY) {
        return Err(Error::KeyNotWrappable);
    }
    if target.attributes.bytes(ck::CKA_EXTRACTABLE) == Some(&[0]) {
        return Err(Error::KeyUnextractable);
    }
    if let Some(len) = wrapped_len(&mechanism, &attributes, &target.attributes)?
        && out.room_for(len)? == Room::Query
    {
        return Ok(());
    }
    // Where the length is not known, a length query wraps, and throws the result away.
    let key = target.key();
    let remote = module.with(|running| running.remote(session))?;
    let wrapping_key = Some(wrapping.to_wire(None));
    let wrap = WrapKey { wrapping_key, mechanism: Some(wire), key: Some(key.to_wire(None)), associated_data };
    let wrapped = remote.wrap_key(wrap).map_err(Error::about_key)?;
    // Only an IV that goes with a wrapped key is told.
    if !out.is_query() {
        given.mechanism.tell_iv(&mechanism)?;
    }
    out.write(&wrapped)
}

/// C_UnwrapKey (section 5.18.4) and C_UnwrapKeyAuthenticated (section 5.18.7).
pub fn unwrap(module: &Module, session: u64, given: Unwrap, out: OutValue<ck::CK_OBJECT_HANDLE>) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.require()?;
    let mechanism = given.mechanism.parse_to_unwrap()?.require(ck::CKF_UNWRAP)?;
    let (wire, associated_data) = authenticated(&mechanism, given.associated_data.as_ref())?;
    let (unwrapping, _) = key_for(module, session, given.unwrapping_key, &mechanism, ck::CKA_UNWRAP)
        .map_err(Error::about_unwrapping_key)?;
    let (template, wrapped) = (given.template.parse()?, given.wrapped.bytes()?);
    if wrapped.is_empty() || wrapped.len() > MAX_WRAPPED_BYTES {
        return Err(Error::WrappedKeyLenRange);
    }
    let remote = remote_for_new(module, session, &[&template])?;
    let unwrap = UnwrapKey {
        unwrapping_key: Some(unwrapping.to_wire(None)),
        mechanism: Some(wire),
        wrapped: wrapped.to_vec().into(),
        template: template.clone(),
        associated_data,
        request_id: random_id()?,
    };
    let reply = remote.unwrap_key(unwrap).map_err(Error::about_key)?;
    out.set(only_created(&store_created(module, session, &remote, reply)?, &template)?)
}

/// The mechanism on the wire and the associated data. The authenticated functions give the latter beside the mechanism,
/// whose parameter has a place for it too; only one of them is filled, or both the same.
fn authenticated(mechanism: &Mechanism, given: Option<&InBuf>) -> Result<(wire::Mechanism, bytes::Bytes)> {
    let mut wire = mechanism.to_wire();
    let Some(given) = given else { return Ok((wire, bytes::Bytes::new())) };
    let Some(Parameter::Aead(aead)) = &mut wire.parameter else { return Err(Error::MechanismInvalid) };
    let (given, inner) = (given.bytes()?, std::mem::take(&mut aead.associated_data));
    match (given.is_empty(), inner.is_empty()) {
        (true, _) => Ok((wire, inner)),
        (false, false) if inner != given => Err(Error::MechanismParamInvalid),
        (false, _) => Ok((wire, bytes::Bytes::copy_from_slice(given))),
    }
}

/// How long the wrapped form will be, where that follows from what is known here.
fn wrapped_len(mechanism: &Mechanism, wrapping: &Attributes, key: &Attributes) -> Result<Option<usize>> {
    // A private key is wrapped as PKCS#8, whose length is the daemon's to know.
    let is_secret = key.ulong(ck::CKA_CLASS) == Some(ck::CKO_SECRET_KEY);
    let secret_len = key.ulong(ck::CKA_VALUE_LEN).filter(|_| is_secret).and_then(|len| usize::try_from(len).ok());
    let with_secret = |len: &dyn Fn(usize) -> usize| secret_len.map(len);
    Ok(match mechanism.row.family {
        Family::RsaPkcs | Family::RsaOaep => Some(signature_len_bytes(wrapping)?),
        Family::RsaAesWrap => {
            let modulus_len = signature_len_bytes(wrapping)?;
            with_secret(&|len| modulus_len + padded_to_8(len) + 8)
        }
        // RFC 3394 takes whole blocks only, RFC 5649 pads with zeroes, and the one between as PKCS#7 does.
        Family::AesKeyWrap => secret_len.filter(|len| len.is_multiple_of(8)).map(|len| len + 8),
        Family::AesKeyWrapKwp => with_secret(&|len| padded_to_8(len) + 8),
        Family::AesKeyWrapPad => with_secret(&|len| padded_to_8(len + 1) + 8),
        Family::AesEcb | Family::AesCbc => with_secret(&|len| len.next_multiple_of(16)),
        Family::AesCbcPad => with_secret(&|len| (len + 1).next_multiple_of(16)),
        Family::AesGcm | Family::AesCcm => match mechanism.params {
            Params::Aead { tag_len_bytes, .. } => with_secret(&|len| len + tag_len_bytes),
            _ => None,
        },
        _ => None,
    })
}

fn padded_to_8(len: usize) -> usize {
    len.next_multiple_of(8)
}
