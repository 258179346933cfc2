//! Shows a principal.

use super::{Audited, Operation};
use crate::{
    error::Result,
    id::Id,
    keys::catalog::{Version, View},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, principals::Who},
    workers::Lane,
};

/// By object id or name.
pub struct GetPrincipal {
    /// As [`Who::find`] takes it.
    pub principal: String,
    /// For "pin:user" and "pin:so".
    pub vault: Option<VaultName>,
}

/// A principal as it is shown.
pub struct PrincipalView {
    /// Who it is.
    pub who: Who,
    /// Its object id.
    pub object_id: Id,
    /// May do everything.
    pub administrator: bool,
    /// Of a PIN user: its vault's name.
    pub vault: String,
}

impl PrincipalView {
    /// Of somebody known.
    pub fn of(rooms: &Unsealed, view: &View, who: Who) -> Result<Self> {
        let object_id = who.object_id(view.cluster)?;
        let administrator = match &who {
            Who::Stored(record) => record.administrator && !record.disabled,
            Who::Peer(peer) => rooms.policy.administers(view, peer),
            Who::Pin(..) | Who::Unknown(_) => false,
        };
        let vault = match &who {
            Who::Pin(_, vault) => view.vault(*vault).map(|vault| vault.record.name.clone()).unwrap_or_default(),
            Who::Stored(_) | Who::Peer(_) | Who::Unknown(_) => String::new(),
        };
        Ok(Self { who, object_id, administrator, vault })
    }
}

impl Operation for GetPrincipal {
    const NAME: &'static str = "principal.get";
    const PERMISSION: Permission = Permission::ReadPrincipals;
    const AUDITED: Audited = Audited::Read;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        match &self.vault {
            Some(vault) => Place::Vault(vault.clone(), Some(self.principal.clone())),
            None => Place::Principal(self.principal.clone()),
        }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let view = rooms.keys.catalog.view();
        let vault = grant.vault().ok().and_then(|vault| view.vault(vault.id));
        let who = Who::find_known(&view, &grant.operation().principal, vault)?;
        PrincipalView::of(rooms, &view, who)
    }
}
