//! Generates a key inside the daemon: a new key, or a new version of one that is there.

use softkeep_proto::{algorithm::KeyType, v1};

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names, new_object,
    new_version::{self, Naming, NewVersion, Wishes},
};
use crate::{
    crypto::key_info,
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// A key to be made.
pub struct CreateKey {
    vault: VaultName,
    name: String,
    key_type: KeyType,
    wishes: Wishes,
    /// Whether the caller named the operations; else the vault's profile has a say in them.
    says_ops: bool,
}

impl CreateKey {
    /// Checks what the caller asks for.
    pub fn parse(request: v1::CreateKeyRequest) -> Result<Self> {
        names::check_key_name(&request.name)?;
        let (key_type, hsm) = new_version::parse_key_type(&request.kty, request.key_size_bits, &request.curve)?;
        let wishes = Wishes::parse(Some(key_type), &request.key_ops, request.attributes, hsm, request.request_id)?;
        let wishes = wishes.for_single_use(request.single_use)?;
        wishes.check(key_type)?;
        let says_ops = !request.key_ops.is_empty();
        Ok(Self { vault: VaultName::Named(request.vault), name: request.name, key_type, wishes, says_ops })
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
        let rules = Rules::of(&grant.vault()?.record)?;
        grant.operation().wishes.check_in(&grant.vault()?.record, grant.operation().key_type)?;
        let mut operation = grant.into_operation();
        let key_type = operation.key_type;
        let naming = Naming::Exactly(operation.name);
        // Before the work, not after it: a key of 4096 bits takes seconds.
        if let Some(id) = new_version::look_ahead(rooms, vault, &naming, &operation.wishes.request_id)? {
            return GetKey::show(rooms, vault, id);
        }
        if !operation.says_ops {
            operation.wishes.ops = rules.default_ops(operation.wishes.ops);
        }
        let material = rooms.keys.backend.generate(key_type)?;
        let public = match key_type {
            KeyType::Secret(..) => None,
            _ => Some(key_info::public_info_of_private(&material)?),
        };
        let mut record = operation.wishes.into_record(key_type, public.as_ref(), true)?;
        record.policy.as_ref().map_or(Ok(()), |policy| rules.check_key(policy))?;
        if let KeyType::Secret(kind, _) = key_type {
            record.check_value = new_object::check_value(rooms, vault, kind, &material)?;
        }
        let new = NewVersion::new(record, material);
        let id = new_version::write(rooms, vault, &naming, new)?;
        GetKey::show(rooms, vault, id)
    }
}
