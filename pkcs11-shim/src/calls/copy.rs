//! C_CopyObject (PKCS#11 3.2 section 5.7.2). What a copy may have that its original has not, the daemon decides.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::CopyObject;

use super::{
    object::{Age, look, only_created, store_created},
    require_read_write, says_token,
};
use crate::{
    error::{Error, Result},
    ffi::{OutValue, Template},
    module::Module,
    object::Place,
    remote::random_id,
};

/// C_CopyObject. Without CKA_TOKEN in the template the copy is what the original is.
pub fn copy(
    module: &Module,
    session: u64,
    handle: u64,
    template: Template,
    out: OutValue<ck::CK_OBJECT_HANDLE>,
) -> Result<()> {
    let entry = look(module, session, handle, Age::Any)?;
    out.require()?;
    let template = template.parse()?;
    if matches!(entry.place, Place::Local) || entry.attributes.bytes(ck::CKA_COPYABLE) == Some(&[0]) {
        return Err(Error::ActionProhibited);
    }
    let remote = match says_token(&template).unwrap_or(!entry.is_session_object()) {
        true => require_read_write(module, session)?,
        false => module.with(|running| running.remote(session))?,
    };
    let object = Some(entry.key().to_wire(None));
    let reply = remote.copy_object(CopyObject { object, template, request_id: random_id()? })?;
    out.set(only_created(&store_created(module, session, &remote, reply)?, &[])?)
}
