//! Reads PKCS#11 objects again whose vault has changed.

use softkeep_proto::limits::MAX_OBJECTS_PER_REPLY;

use super::{
    Audited, Operation,
    find_objects::{Found, page, sees_private},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which ones: identifier and class. Those that are gone are left out of the answer, and so are those that come after the last of a
/// full one.
pub struct GetObjects {
    /// The vault.
    pub vault: Id,
    /// The objects.
    pub objects: Vec<(Id, u64)>,
}

impl Operation for GetObjects {
    const NAME: &'static str = "object.get";
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
        if operation.objects.len() > MAX_OBJECTS_PER_REPLY {
            return Err(Error::new(ErrorCode::InvalidArgument, format!("at most {MAX_OBJECTS_PER_REPLY} objects")));
        }
        let view = rooms.keys.catalog.view();
        let vault = view.vault(operation.vault).ok_or_else(|| Error::vault_not_found(&operation.vault.to_string()))?;
        let private_too = sees_private(&rooms.policy, &view, grant.caller(), vault);
        let faces = operation.objects.iter().filter_map(|(id, class)| vault.face(*id, *class));
        let faces = faces.filter(|face| private_too || !face.private).cloned();
        let (faces, more) = page(faces, MAX_OBJECTS_PER_REPLY);
        Ok(Found { faces, revision: vault.revision, more })
    }
}
