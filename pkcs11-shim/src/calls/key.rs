//! Key management (PKCS#11 3.2 section 5.18): pairs are made by the daemon, with the templates as they came.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::GenerateKeyPair;

use super::{object::store_created, remote_for_new};
use crate::{
    error::{Error, Result},
    ffi::{MechanismArg, OutValue, Template},
    module::Module,
    remote::request_id,
};

/// C_GenerateKeyPair (section 5.18.2). Templates and handles: the public half first.
pub fn generate_pair(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    templates: (Template, Template),
    out: (OutValue<ck::CK_OBJECT_HANDLE>, OutValue<ck::CK_OBJECT_HANDLE>),
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    // A pair whose handles cannot be told must not be made.
    out.0.require()?;
    out.1.require()?;
    let mechanism = mechanism.parse()?.require(ck::CKF_GENERATE_KEY_PAIR)?;
    let (public_template, private_template) = (templates.0.parse()?, templates.1.parse()?);
    let remote = remote_for_new(module, session, &[&public_template, &private_template])?;
    let reply = remote.generate_key_pair(GenerateKeyPair {
        mechanism: Some(mechanism.to_wire()),
        public_template,
        private_template,
        request_id: request_id()?,
    })?;
    let created = store_created(module, &remote, reply)?;
    let handle = |class| created.iter().find(|(of, _)| *of == class).map(|(_, handle)| *handle);
    let public = handle(ck::CKO_PUBLIC_KEY).ok_or_else(Error::strange_reply)?;
    let private = handle(ck::CKO_PRIVATE_KEY).ok_or_else(Error::strange_reply)?;
    out.0.set(public)?;
    out.1.set(private)
}
