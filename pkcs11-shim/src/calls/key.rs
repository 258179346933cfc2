//! Key generation (PKCS#11 3.2 sections 5.18.1 and 5.18.2): keys are made by the daemon, with the templates as they
//! came.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{GenerateKey, GenerateKeyPair};

use super::{
    object::{only_created, store_created},
    remote_for_new,
};
use crate::{
    error::{Error, Result},
    ffi::{MechanismArg, OutValue, Template},
    module::Module,
    remote::random_id,
};

/// C_GenerateKey (section 5.18.1).
pub fn generate(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    template: Template,
    out: OutValue<ck::CK_OBJECT_HANDLE>,
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    // A key whose handle cannot be told must not be made.
    out.require()?;
    let mechanism = mechanism.parse()?.require(ck::CKF_GENERATE)?;
    let template = template.parse()?;
    let remote = remote_for_new(module, session, &[&template])?;
    let mechanism = Some(mechanism.to_wire());
    let reply = remote.generate_key(GenerateKey { mechanism, template, request_id: random_id()? })?;
    out.set(only_created(&store_created(module, session, &remote, reply)?, &[])?)
}

/// C_GenerateKeyPair (section 5.18.2). Templates and handles: the public half first.
pub fn generate_pair(
    module: &Module,
    session: u64,
    mechanism: MechanismArg,
    templates: (Template, Template),
    out: (OutValue<ck::CK_OBJECT_HANDLE>, OutValue<ck::CK_OBJECT_HANDLE>),
) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.0.require()?;
    out.1.require()?;
    let mechanism = mechanism.parse()?.require(ck::CKF_GENERATE_KEY_PAIR)?;
    let (public_template, private_template) = (templates.0.parse()?, templates.1.parse()?);
    let remote = remote_for_new(module, session, &[&public_template, &private_template])?;
    let reply = remote.generate_key_pair(GenerateKeyPair {
        mechanism: Some(mechanism.to_wire()),
        public_template,
        private_template,
        request_id: random_id()?,
    })?;
    let created = store_created(module, session, &remote, reply)?;
    let handle = |class| created.iter().find(|(of, _)| *of == class).map(|(_, handle)| *handle);
    let public = handle(ck::CKO_PUBLIC_KEY).ok_or_else(Error::strange_reply)?;
    let private = handle(ck::CKO_PRIVATE_KEY).ok_or_else(Error::strange_reply)?;
    out.0.set(public)?;
    out.1.set(private)
}
