//! Takes a principal's entry from a vault's access policies. That of a PKCS#11 user stays, without permissions: a vault without one is from
//! a time when they had every right.

use super::{
    Audited, Operation,
    set_access_policy::{entry_for, write},
    vault_settings::{VaultChange, same_principal, with_pin_entries},
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef, principals},
    workers::Lane,
};

/// Whose entry.
pub struct DeleteAccessPolicy {
    /// Where.
    pub vault: VaultName,
    /// Object id or name.
    pub principal: String,
    /// A GUID, or empty.
    pub application: String,
}

impl Operation for DeleteAccessPolicy {
    const NAME: &'static str = "vault.delete-access-policy";
    const PERMISSION: Permission = Permission::WriteAccessPolicy;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.principal.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let keys = &rooms.keys;
        let change = VaultChange::by(grant.caller());
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = principals::vault_of(&view, &grant)?;
            let operation = grant.operation();
            let entry = entry_for(&view, vault, &operation.principal, &operation.application)?;
            let mut record = (*vault.record).clone();
            let before = record.access_policies.len();
            record.access_policies.retain(|other| !same_principal(other, &entry));
            if record.access_policies.len() == before {
                let what = format!("the vault has no access policy for '{}'", operation.principal);
                return Err(Error::new(ErrorCode::PrincipalNotFound, what));
            }
            record.access_policies = with_pin_entries(view.cluster, vault.id, record.access_policies);
            write(vault, change.stamp(record))
        })
    }
}
