//! C_DeriveKey: makes a key of another. How the bytes come about is in `derive_key/material.rs`.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{
    mechanism::{Family, Row},
    pkcs11::v1::Attribute,
};

use super::{
    Audited, Operation,
    find_objects::Found,
    method::{self, Derivation, Method, Salt},
    names,
    new_object::{self, NewKey, NewObject, OtherDraft, Provenance},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

mod material;

use material::{Base, derive};

/// Of which key, how, and what becomes of it.
pub struct DeriveKey {
    vault: Id,
    base_key: KeyName,
    method: Method<Derivation>,
    template: Vec<Attribute>,
    token: bool,
    request_id: String,
}

impl DeriveKey {
    /// Checks what the application asks for.
    pub fn new(
        vault: Id,
        base_key: KeyName,
        method: Method<Derivation>,
        template: Vec<Attribute>,
        request_id: &[u8],
    ) -> Result<Self> {
        let mut token = new_object::is_token(&Template::parse(template.clone())?)?;
        if let Derivation::Counter { additional, .. } = &method.how {
            for template in additional {
                token |= new_object::is_token(&Template::parse(template.clone())?)?;
            }
        }
        let request_id = names::request_id(request_id)?;
        Ok(Self { vault, base_key, method, template, token, request_id })
    }

    /// The templates of all the keys that come of it, the base key's rule for them applied.
    fn templates(&self, rule: &[u8]) -> Result<Vec<Template>> {
        let additional = match &self.method.how {
            Derivation::Counter { additional, .. } => additional.as_slice(),
            _ => &[],
        };
        std::iter::once(&self.template)
            .chain(additional)
            .map(|attributes| {
                let mut template = Template::parse(attributes.clone())?;
                template.apply_rule(rule)?;
                Ok(template)
            })
            .collect()
    }
}

/// Whether the mechanism's key is a private one.
fn base_class(row: &Row) -> u64 {
    match row.family {
        Family::Ecdh | Family::Dh => ck::CKO_PRIVATE_KEY,
        _ => ck::CKO_SECRET_KEY,
    }
}

/// What follows for the derived key. Where the base's own bytes are in it (PKCS#11 3.2 section 6.43), it is as sensitive as that, and unless
/// that may be read never leaves: brought back as a private key, it would tell by its public half how the two differ. Else what the base was
/// always is all that it hands down.
fn provenance(how: &Derivation, base: &Version, other: Option<&Version>) -> Provenance {
    let mut provenance = Provenance::derived(&base.policy);
    let own_bytes = matches!(
        how,
        Derivation::AppendKey(_)
            | Derivation::Append(_)
            | Derivation::Prepend(_)
            | Derivation::Xor(_)
            | Derivation::Extract(_)
    );
    if own_bytes {
        for key in [Some(base), other].into_iter().flatten() {
            provenance.must_be_sensitive |= key.policy.sensitive;
            provenance.must_stay |= !key.policy.is_readable();
            provenance.always_sensitive &= key.policy.always_sensitive;
            provenance.never_extractable &= key.policy.never_extractable;
            provenance.unwrapped_by_untrusted |= key.policy.unwrapped_by_untrusted;
            provenance.wrap_with_trusted |= key.policy.wrap_with_trusted;
        }
    }
    provenance
}

/// The second key must be one to derive from as well, by this mechanism.
fn check_other(grant: &Authorized<DeriveKey>, row: &Row) -> Result<()> {
    let (version, class) = (grant.other_version()?, grant.other()?.class());
    if class != ck::CKO_SECRET_KEY {
        return Err(Error::new(ErrorCode::KeyTypeMismatch, "the second key is no secret key"));
    }
    if !version.policy.operations().contains(Ops::DERIVE) {
        return Err(Error::new(ErrorCode::OperationNotPermitted, "the second key's operations do not include derive"));
    }
    method::check_mechanism(version, class, row)
}

impl Operation for DeriveKey {
    const NAME: &'static str = "derive";
    const PERMISSION: Permission = Permission::Derive;
    const AUDITED: Audited = Audited::Use;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.base_key.clone())
    }

    fn audited(&self) -> Audited {
        if self.token { Audited::Administration } else { Audited::Use }
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::DERIVE)
    }

    fn other_key(&self) -> Option<KeyName> {
        match &self.method.how {
            Derivation::AppendKey(key) | Derivation::Hkdf { extract: Some(Salt::Key(key)), .. } => Some(key.clone()),
            _ => None,
        }
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        match self.method.how {
            _ if self.token => Lane::Store,
            // Up to thousands of rounds.
            Derivation::Counter { .. } => Lane::Compute,
            _ => method::lane(version, 0),
        }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        let Method { row, how } = &operation.method;
        method::check_key(&grant, row, &[base_class(row)])?;
        let base = grant.version()?;
        let other = match operation.other_key() {
            Some(_) => {
                check_other(&grant, row)?;
                Some((grant.other_version()?, rooms.keys.open_other(&grant)?))
            }
            None => None,
        };
        let rules = Rules::of(&grant.vault()?.record)?;
        let templates = operation.templates(&base.policy.derive_template)?;
        let key = rooms.keys.open(&grant)?;
        let base = Base { version: base, key: &key, other: other.as_ref().map(|(version, key)| (&***version, &**key)) };
        let values = derive(&base, row, how, &templates)?;
        let provenance = provenance(how, base.version, base.other.map(|(version, _)| version));
        let mut objects = Vec::with_capacity(values.len());
        for (mut template, value) in templates.into_iter().zip(values) {
            rules.check_derivation(row, how, value.len())?;
            objects.push(if row.family == Family::HkdfData {
                template.only_number(ck::CKA_CLASS, ck::CKO_DATA)?;
                template.only_number(ck::CKA_VALUE_LEN, value.len() as u64)?;
                template.set(ck::CKA_VALUE, value.to_vec());
                NewObject::Other(OtherDraft::data(template)?)
            } else {
                template.only_number(ck::CKA_CLASS, ck::CKO_SECRET_KEY)?;
                NewObject::Key(NewKey::secret(template, value, provenance.clone())?)
            });
        }
        new_object::make(rooms, grant.caller(), operation.vault, objects, &operation.request_id)
    }
}

impl KeyUse for DeriveKey {}
