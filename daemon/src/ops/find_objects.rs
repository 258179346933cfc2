//! Finds PKCS#11 objects by their attributes. Who is not logged in sees the public ones alone.

use std::sync::Arc;

use softkeep_proto::{limits::MAX_OBJECTS_PER_REPLY, pkcs11::v1::Attribute};

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    id::Id,
    identity::{Caller, UserType},
    keys::{catalog::Version, face::Face},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// What to find, which page.
pub struct FindObjects {
    /// The vault.
    pub vault: Id,
    /// The attributes they must have.
    pub template: Vec<Attribute>,
    /// How many to pass over.
    pub offset: usize,
    /// At most so many; 0 for the limit.
    pub limit: usize,
}

/// Objects of a vault at a revision.
pub struct Found {
    /// In creation order.
    pub faces: Vec<Arc<Face>>,
    /// The vault's.
    pub revision: u64,
    /// There are more after these.
    pub more: bool,
}

/// Whether a caller may see private objects: the user and administrators, never the security officer.
pub fn sees_private(caller: &Caller) -> bool {
    match caller {
        Caller::PinUser(login, _) => login.user_type == UserType::User,
        Caller::Internal => true,
        Caller::Peer(_) | Caller::Application(_) => false,
    }
}

impl Operation for FindObjects {
    const NAME: &'static str = "object.find";
    const PERMISSION: Permission = Permission::ReadPublic;
    const AUDITED: Audited = Audited::Read;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        let view = rooms.keys.catalog.view();
        let vault = view.vault(operation.vault).ok_or_else(|| Error::vault_not_found(&operation.vault.to_string()))?;
        let private_too = sees_private(grant.caller());
        let found = vault.find(&operation.template, |face| private_too || !face.private);
        let limit = match operation.limit {
            0 => MAX_OBJECTS_PER_REPLY,
            limit => limit.min(MAX_OBJECTS_PER_REPLY),
        };
        let more = found.len() > operation.offset.saturating_add(limit);
        let faces = found.into_iter().skip(operation.offset).take(limit).collect();
        Ok(Found { faces, revision: vault.revision, more })
    }
}
