//! Generates a key inside the daemon: a new key, or a new version of one that is there.

use softkeep_proto::{algorithm::KeyType, v1};

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names,
    new_version::{self, Material, Naming, Wishes},
};
use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A key to be made.
pub struct CreateKey {
    vault: VaultName,
    name: String,
    key_type: KeyType,
    wishes: Wishes,
}

impl CreateKey {
    /// Checks what the caller asks for.
    pub fn parse(request: v1::CreateKeyRequest) -> Result<Self> {
        names::check_key_name(&request.name)?;
        let (key_type, hsm) = new_version::parse_key_type(&request.kty, request.key_size_bits, &request.curve)?;
        let wishes = Wishes::parse(Some(key_type), &request.key_ops, request.attributes, hsm, request.request_id)?;
        Ok(Self { vault: VaultName::Named(request.vault), name: request.name, key_type, wishes })
    }
}

impl Operation for CreateKey {
    const NAME: &'static str = "key.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let vault = grant.vault()?.id;
        let operation = grant.into_operation();
        let material = Material { pkcs8_der: rooms.keys.backend.generate(operation.key_type)?, generated: true };
        let id = new_version::write(rooms, vault, &Naming::Exactly(operation.name), operation.wishes, material)?;
        GetKey::show(rooms, vault, id)
    }
}
