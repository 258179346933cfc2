//! Takes in a private key. It never comes back out.

use softkeep_proto::v1;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names,
    new_version::{self, Naming, NewVersion, Wishes},
};
use crate::{
    crypto::key_info::{self, PublicInfo},
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// A key to be taken in.
pub struct ImportKey {
    vault: VaultName,
    name: String,
    pkcs8_der: Zeroizing<Vec<u8>>,
    public: PublicInfo,
    wishes: Wishes,
}

impl ImportKey {
    /// Checks what the caller asks for, and the key: its type, its strength, that it can be read.
    pub fn parse(request: v1::ImportKeyRequest) -> Result<Self> {
        let pkcs8_der = Zeroizing::new(request.pkcs8_der);
        names::check_key_name(&request.name)?;
        let public = key_info::check_import(&pkcs8_der)?;
        let wishes = Wishes::parse(
            Some(public.key_type),
            &request.key_ops,
            request.attributes,
            request.hsm,
            request.request_id,
        )?;
        Ok(Self { vault: VaultName::Named(request.vault), name: request.name, pkcs8_der, public, wishes })
    }
}

impl Operation for ImportKey {
    const NAME: &'static str = "key.import";
    const PERMISSION: Permission = Permission::Import;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let vault = grant.vault()?.id;
        let rules = Rules::of(&grant.vault()?.record)?;
        let operation = grant.into_operation();
        // The backend that will use the key checks it too: that its halves belong together, that its primes are odd.
        rooms.keys.backend.open(&operation.pkcs8_der)?;
        let record = operation.wishes.into_record(operation.public.key_type, Some(&operation.public), false)?;
        record.policy.as_ref().map_or(Ok(()), |policy| rules.check_key(policy))?;
        let new = NewVersion { record, material: operation.pkcs8_der };
        let id = new_version::write(rooms, vault, &Naming::Exactly(operation.name), new)?;
        GetKey::show(rooms, vault, id)
    }
}
