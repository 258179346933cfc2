//! Finds PKCS#11 objects by their attributes. Who is not logged in sees the public ones alone.

use std::sync::Arc;

use softkeep_proto::{
    limits::{MAX_MESSAGE_BYTES, MAX_OBJECTS_PER_REPLY},
    pkcs11::v1::Attribute,
};

use super::{Audited, Operation};
use crate::{
    error::{Error, Result},
    id::Id,
    identity::{Caller, UserType},
    keys::{
        catalog::{Vault, Version, View},
        face::Face,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Policy, Target, Thing, VaultName},
    workers::Lane,
};

/// What to find, which page.
pub struct FindObjects {
    /// The vault.
    pub vault: Id,
    /// The attributes they must have.
    pub template: Vec<Attribute>,
    /// Those after this one, if it is still there.
    pub after: Option<(Id, u64)>,
    /// Else, how many to pass over.
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

/// Whether a caller may see private objects: the user, as long as the entry names anything that could be done with one; never the
/// security officer.
pub fn sees_private(policy: &Policy, view: &View, caller: &Caller, vault: &Vault) -> bool {
    const ANY_OF: [Permission; 3] = [Permission::MakePrivateObject, Permission::GetSecret, Permission::ListSecrets];
    match caller {
        Caller::PinUser(login, _) => {
            let allows = |one: &Permission| policy.allows(view, caller, Target::Vault(vault, Thing::None), *one);
            login.user_type == UserType::User && ANY_OF.iter().any(allows)
        }
        Caller::Internal => true,
        Caller::Peer(_) | Caller::Principal(..) | Caller::Application(..) => false,
    }
}

/// What one reply may carry of objects: with what the wire adds, well within a message.
const MAX_PAGE_BYTES: usize = MAX_MESSAGE_BYTES / 2;

/// As many of these objects, in their order, as one reply has room for, and whether there are more. The first always fits: the store
/// takes no row as large as a message.
pub fn page(faces: impl IntoIterator<Item = Arc<Face>>, limit: usize) -> (Vec<Arc<Face>>, bool) {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for face in faces {
        bytes += face.size_bytes();
        if page.len() == limit || (bytes > MAX_PAGE_BYTES && !page.is_empty()) {
            return (page, true);
        }
        page.push(face);
    }
    (page, false)
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
        let private_too = sees_private(&rooms.policy, &view, grant.caller(), vault);
        let limit = match operation.limit {
            0 => MAX_OBJECTS_PER_REPLY,
            limit => limit.min(MAX_OBJECTS_PER_REPLY),
        };
        let after = operation.after.filter(|(id, class)| vault.face(*id, *class).is_some());
        let skipped = if after.is_some() { 0 } else { operation.offset };
        let found = vault.search(&operation.template, after, |face| private_too || !face.private);
        let (faces, more) = page(found.skip(skipped).cloned(), limit);
        Ok(Found { faces, revision: vault.revision, more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_a_reply_is_full() {
        let face = |bytes: usize| {
            let attributes = [(cryptoki_sys::CKA_VALUE, vec![0; bytes].into())].into();
            Arc::new(Face { attributes, ..Face::default() })
        };
        let size = |faces: &[Arc<Face>], limit| {
            let (page, more) = page(faces.iter().cloned(), limit);
            (page.len(), more)
        };
        let small = vec![face(10); 5];
        assert_eq!((size(&small, 5), size(&small, 4), size(&[], 4)), ((5, false), (4, true), (0, false)));
        let large = vec![face(MAX_PAGE_BYTES / 3); 5];
        assert_eq!((size(&large, 5), size(&[face(2 * MAX_PAGE_BYTES), face(1)], 5)), ((2, true), (1, true)));
    }
}
