//! C_EncapsulateKey: makes a secret key and a ciphertext from which the owner of a private key gets the same secret (ML-KEM, FIPS 203).

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Attribute;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    find_objects::Found,
    method::{self, Method},
    new_object::{self, NewKey, NewObject, Provenance},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        record::{KeyPolicy, Ops},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName},
    workers::Lane,
};

/// For whom, and what becomes of the secret.
pub struct EncapsulateKey {
    vault: Id,
    public_key: KeyName,
    method: Method<()>,
    template: Vec<Attribute>,
    token: bool,
}

impl EncapsulateKey {
    /// Checks what the application asks for.
    pub fn new(vault: Id, public_key: KeyName, method: Method<()>, template: Vec<Attribute>) -> Result<Self> {
        let token = new_object::is_token(&Template::parse(template.clone())?)?;
        Ok(Self { vault, public_key, method, template, token })
    }
}

/// The secret as the key that a template asks for. A shorter one takes its front.
pub fn secret_key(template: &[Attribute], rule: &[u8], mut secret: Zeroizing<Vec<u8>>) -> Result<NewObject> {
    let mut template = Template::parse(template.to_vec())?;
    template.apply_rule(rule)?;
    template.only_number(ck::CKA_CLASS, ck::CKO_SECRET_KEY)?;
    if let Some(len) = new_object::secret_len(&template)? {
        if len > secret.len() {
            let most = secret.len();
            return Err(Error::new(ErrorCode::TemplateInconsistent, format!("the secret has {most} bytes")));
        }
        secret.truncate(len);
    }
    Ok(NewObject::Key(NewKey::secret(template, secret, Provenance::encapsulated())?))
}

/// CKA_ENCAPSULATE_TEMPLATE of the public object.
fn rule(policy: &KeyPolicy) -> &[u8] {
    policy.public.as_ref().map_or(&policy.encapsulate_template, |public| &public.encapsulate_template)
}

impl Operation for EncapsulateKey {
    const NAME: &'static str = "encapsulate";
    const PERMISSION: Permission = Permission::Derive;
    const AUDITED: Audited = Audited::Use;
    /// The ciphertext, and the key.
    type Reply = (Vec<u8>, Found);

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.public_key.clone())
    }

    fn audited(&self) -> Audited {
        if self.token { Audited::Administration } else { Audited::Use }
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::ENCAPSULATE)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        if self.token { Lane::Store } else { Lane::Compute }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let operation = grant.operation();
        method::check_key(&grant, operation.method.row, &[ck::CKO_PUBLIC_KEY])?;
        let version = grant.version()?;
        let public = rooms.keys.backend.open_public(&version.public()?.spki_der)?;
        let (ciphertext, secret) = public.encapsulate()?;
        let objects = vec![secret_key(&operation.template, rule(&version.policy), secret)?];
        // Never what an earlier request made: each ciphertext has a secret of its own.
        let made = new_object::make(rooms, grant.caller(), operation.vault, objects, "")?;
        Ok((ciphertext, made))
    }
}
