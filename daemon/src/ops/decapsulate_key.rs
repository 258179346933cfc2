//! C_DecapsulateKey: gets the secret key out of a ciphertext (ML-KEM, FIPS 203). A forged ciphertext gives a key that nobody else has.

use std::borrow::Cow;

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;

use super::{
    Audited, Operation, encapsulate_key,
    find_objects::Found,
    method::{self, Method},
    names, new_object, sign,
    template::Template,
};
use crate::{
    error::Result,
    id::Id,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// With which key, and what becomes of the secret.
pub struct DecapsulateKey {
    vault: Id,
    private_key: KeyName,
    method: Method<()>,
    ciphertext: Bytes,
    template: Vec<Attribute>,
    token: bool,
    request_id: String,
}

impl DecapsulateKey {
    /// Checks what the application asks for.
    pub fn new(
        vault: Id,
        private_key: KeyName,
        method: Method<()>,
        ciphertext: Bytes,
        template: Vec<Attribute>,
        request_id: &[u8],
    ) -> Result<Self> {
        sign::check_size(&ciphertext)?;
        let token = new_object::is_token(&Template::parse(template.clone())?)?;
        let request_id = names::request_id(request_id)?;
        Ok(Self { vault, private_key, method, ciphertext, template, token, request_id })
    }
}

impl Operation for DecapsulateKey {
    const NAME: &'static str = "decapsulate";
    const PERMISSION: Permission = Permission::Derive;
    const AUDITED: Audited = Audited::Use;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.private_key.clone())
    }

    fn audited(&self) -> Audited {
        if self.token { Audited::Administration } else { Audited::Use }
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::DECAPSULATE)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        if self.token { Lane::Store } else { Lane::Compute }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        method::check_key(&grant, operation.method.row, &[ck::CKO_PRIVATE_KEY])?;
        let key = rooms.keys.open(&grant)?;
        let secret = key.private()?.decapsulate(&operation.ciphertext)?;
        let rule = &grant.version()?.policy.decapsulate_template;
        let objects = vec![encapsulate_key::secret_key(&operation.template, rule, secret)?];
        new_object::make(rooms, grant.caller(), operation.vault, objects, &operation.request_id)
    }
}

impl KeyUse for DecapsulateKey {}
