//! The secret values of a key that is extractable and not sensitive, and the value of a private data object: told to who asks for them by
//! name, and put on record.

use cryptoki_sys as ck;
use softkeep_proto::{limits::MAX_TEMPLATE_ATTRIBUTES, pkcs11::v1::Attribute};
use zeroize::Zeroizing;

use super::{Audited, Operation, get_secret::GetSecret};
use crate::{
    clock,
    crypto::key_parts::{self, PrivateParts},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, record::ObjectRecord},
    pipeline::Unsealed,
    policy::{Authorized, KeyExport, KeyName, Permission, Place, Subject, VaultName},
    workers::Lane,
};

/// Which values of which object.
pub struct ReadValues {
    vault: Id,
    object: KeyName,
    types: Vec<u64>,
}

impl ReadValues {
    /// Bounds the request.
    pub fn new(vault: Id, object: KeyName, types: Vec<u64>) -> Result<Self> {
        if types.len() > MAX_TEMPLATE_ATTRIBUTES {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("at most {MAX_TEMPLATE_ATTRIBUTES} attributes"),
            ));
        }
        Ok(Self { vault, object, types })
    }
}

impl Operation for ReadValues {
    const NAME: &'static str = "object.read-values";
    const PERMISSION: Permission = Permission::Get;
    const AUDITED: Audited = Audited::Use;
    /// Those that the object tells.
    type Reply = Vec<Attribute>;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.object.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<Attribute>> {
        let values = match grant.subject()? {
            Subject::Key { class: ck::CKO_PUBLIC_KEY, .. } => Vec::new(),
            Subject::Key { version, .. } if version.policy.sensitive || !version.policy.extractable => Vec::new(),
            Subject::Key { version, .. } if !version.record.enabled => {
                return Err(Error::new(ErrorCode::KeyDisabled, "the key is disabled"));
            }
            Subject::Key { class: ck::CKO_SECRET_KEY, .. } => vec![(ck::CKA_VALUE, rooms.keys.export(&grant)?)],
            Subject::Key { .. } => private_values(key_parts::parts_of(&rooms.keys.export(&grant)?)?),
            Subject::Object(record) => vec![(ck::CKA_VALUE, object_value(&grant, rooms, record)?)],
        };
        let asked = values.into_iter().filter(|(kind, _)| grant.operation().types.contains(kind));
        Ok(asked.map(|(kind, value)| Attribute { r#type: kind, value: value.to_vec().into() }).collect())
    }
}

impl KeyExport for ReadValues {}

fn object_value(grant: &Authorized<ReadValues>, rooms: &Unsealed, record: &ObjectRecord) -> Result<Zeroizing<Vec<u8>>> {
    let id = grant.operation().vault;
    let name = {
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        match vault.published_secret(Id::from_bytes(&record.id)?) {
            Some(name) => name.to_owned(),
            None => return rooms.keys.open_value(vault, record),
        }
    };
    // A secret is the vault's under another name: who reads it needs the permission that Key Vault's door asks for, and is asked for it here.
    let read = GetSecret { vault: VaultName::Id(id), name, version: None };
    let grant = rooms.policy.authorize(&rooms.keys, grant.caller().clone(), read, clock::now_seconds())?;
    GetSecret::run(grant, rooms).map(|view| view.value)
}

/// The attributes of a private key that hold its secret (PKCS#11 3.2 section 6).
fn private_values(parts: PrivateParts) -> Vec<(u64, Zeroizing<Vec<u8>>)> {
    match parts {
        PrivateParts::Rsa { d, p, q, dp, dq, qinv } => vec![
            (ck::CKA_PRIVATE_EXPONENT, d),
            (ck::CKA_PRIME_1, p),
            (ck::CKA_PRIME_2, q),
            (ck::CKA_EXPONENT_1, dp),
            (ck::CKA_EXPONENT_2, dq),
            (ck::CKA_COEFFICIENT, qinv),
        ],
        PrivateParts::Ec(_, value)
        | PrivateParts::Edwards(_, value)
        | PrivateParts::Montgomery(_, value)
        | PrivateParts::Dh { value, .. } => vec![(ck::CKA_VALUE, value)],
        PrivateParts::MlDsa(_, seed, expanded) | PrivateParts::MlKem(_, seed, expanded) => {
            seed.map(|seed| (ck::CKA_SEED, seed)).into_iter().chain([(ck::CKA_VALUE, expanded)]).collect()
        }
    }
}
