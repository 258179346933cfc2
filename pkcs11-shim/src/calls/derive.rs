//! C_DeriveKey (PKCS#11 3.2 section 5.18.5): one call. A second key that the mechanism's parameter names by its
//! handle is put there as what the daemon knows.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{DeriveKey, mechanism::Parameter};

use super::{
    key_for,
    object::{Age, look, store_created},
    remote_for_new,
};
use crate::{
    error::{Error, Result},
    ffi::{MechanismArg, OutValue, Template},
    mechanism::Mechanism,
    module::Module,
    remote::random_id,
};

/// Puts the key into a mechanism's parameter that it names by its handle.
fn name_second_key(module: &Module, session: u64, mechanism: &mut Mechanism) -> Result<()> {
    if let Some(handle) = mechanism.key_handle {
        let entry = look(module, session, handle, Age::Any).map_err(Error::about_key)?;
        mechanism.name_key(entry.key().to_wire(None));
    }
    Ok(())
}

/// C_DeriveKey. No mechanism here gives its keys elsewhere than in `phKey`, so NULL for it is a mistake; the handles of
/// those that SP 800-108 derives beside the first go into the mechanism's parameter.
pub fn derive(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    base: u64,
    template: Template,
    out: OutValue<ck::CK_OBJECT_HANDLE>,
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.require()?;
    let further = mechanism.additional_keys()?;
    further.iter().try_for_each(OutValue::require)?;
    let mut mechanism = mechanism.parse()?.require(ck::CKF_DERIVE)?;
    let (base, _) = key_for(module, session, base, &mechanism, ck::CKA_DERIVE)?;
    name_second_key(module, session, &mut mechanism)?;
    let template = template.parse()?;
    let mechanism = mechanism.to_wire();
    let mut templates = vec![&template[..]];
    if let Some(Parameter::Sp800108(kdf)) = &mechanism.parameter {
        templates.extend(kdf.additional_keys.iter().map(|list| &list.attributes[..]));
    }
    let remote = remote_for_new(module, session, &templates)?;
    let base_key = Some(base.to_wire(None));
    let derive = DeriveKey { base_key, mechanism: Some(mechanism), template, request_id: random_id()? };
    let reply = remote.derive_key(derive).map_err(Error::about_key)?;
    let created = store_created(module, session, &remote, reply)?;
    let mut handles = created.iter().map(|(_, handle)| *handle);
    out.set(handles.next().ok_or_else(Error::strange_reply)?)?;
    for place in further {
        place.set(handles.next().ok_or_else(Error::strange_reply)?)?;
    }
    Ok(())
}
