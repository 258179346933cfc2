//! Shows a vault.

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    identity::Caller,
    keys::catalog::{Vault, Version, View},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Policy, Target, Thing, VaultName, VaultRef},
    workers::Lane,
};

/// Which vault.
pub struct GetVault(pub VaultName);

/// A vault as one caller sees it.
pub struct VaultView {
    /// The vault.
    pub vault: VaultRef,
    /// Whether the caller may read its settings: who may do what in it, who made it, its tags and network rules. Who merely finds it as
    /// a token may not.
    pub settings: bool,
}

impl VaultView {
    /// What a caller who may know of a vault sees of it.
    pub fn of(policy: &Policy, view: &View, caller: &Caller, vault: &Vault) -> Self {
        let settings = policy.allows(view, caller, Target::Vault(vault, Thing::None), Permission::ReadVault);
        Self { vault: VaultRef { id: vault.id, record: vault.record.clone() }, settings }
    }
}

impl Operation for GetVault {
    const NAME: &'static str = "vault.get";
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = VaultView;

    fn place(&self) -> Place {
        Place::Vault(self.0.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultView> {
        let found = grant.vault()?;
        let view = rooms.keys.catalog.view();
        let vault = view.vault(found.id).ok_or_else(|| Error::vault_not_found(&found.record.name))?;
        Ok(VaultView::of(&rooms.policy, &view, grant.caller(), vault))
    }
}
