//! C_SetAttributeValue: what describes an object may change; what it may do only narrows, and that is still to come.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1;

use super::{
    Audited, Operation,
    find_objects::{Found, sees_private},
    new_object,
    template::Template,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{ObjectRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// What to change of which object.
pub struct SetAttributes {
    vault: Id,
    id: Id,
    class: u64,
    attributes: std::collections::BTreeMap<u64, Vec<u8>>,
}

impl SetAttributes {
    /// Checks what the application asks for.
    pub fn parse(vault: Id, request: v1::SetAttributes) -> Result<Self> {
        let object = match request.object.and_then(|object| object.key) {
            Some(v1::key_ref::Key::Object(object)) => object,
            _ => return Err(Error::new(ErrorCode::InvalidArgument, "the request names no token object")),
        };
        let attributes = Template::parse(request.template)?.into_descriptive()?;
        Ok(Self { vault, id: Id::from_bytes(&object.unique_id)?, class: object.class, attributes })
    }
}

impl Operation for SetAttributes {
    const NAME: &'static str = "object.update";
    const PERMISSION: Permission = Permission::Update;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.id.to_string()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let private_too = sees_private(grant.caller());
        let operation = grant.into_operation();
        let (vault_id, id) = (operation.vault, operation.id);
        let keys = &rooms.keys;
        keys.write(|_| {
            let gone = || Error::key_not_found(&id.to_string());
            let view = keys.catalog.view();
            let vault = view.vault(vault_id).ok_or_else(gone)?;
            let face = vault.face(id, operation.class).filter(|face| private_too || !face.private).ok_or_else(gone)?;
            if face.attributes.get(&ck::CKA_MODIFIABLE).is_some_and(|flag| flag[..] == [0]) {
                return Err(Error::new(ErrorCode::ActionProhibited, "the object may not be modified"));
            }
            let entry = match vault.version(id) {
                Some(version) => {
                    let mut record = VersionRecord { updated: clock::now_seconds(), ..version.record.clone() };
                    match operation.class {
                        ck::CKO_PRIVATE_KEY => record.private_attributes.extend(operation.attributes),
                        ck::CKO_PUBLIC_KEY => record.public_attributes.extend(operation.attributes),
                        _ => return Err(Error::new(ErrorCode::ActionProhibited, "the object may not be modified")),
                    }
                    Entry::put(row::version(vault_id, id), &record)
                }
                None => {
                    let mut record = ObjectRecord::clone(vault.object(id).ok_or_else(gone)?);
                    record.attributes.extend(operation.attributes);
                    Entry::put(row::object(vault_id, id), &record)
                }
            };
            Ok((vec![entry], ()))
        })?;
        new_object::show(rooms, vault_id, id)
    }
}
