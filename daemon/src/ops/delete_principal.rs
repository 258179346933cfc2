//! Deletes a user or service principal, with its roles and its entries in access policies.

use super::{Audited, Operation, get_principal::PrincipalView};
use crate::{
    error::Result,
    id::Id,
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::row,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// Rows in one transaction.
const ROWS_AT_ONCE: usize = 64;

/// By object id or name.
pub struct DeletePrincipal(pub String);

impl Operation for DeletePrincipal {
    const NAME: &'static str = "principal.delete";
    const PERMISSION: Permission = Permission::WritePrincipals;
    const AUDITED: Audited = Audited::Administration;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        Place::Principal(self.0.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let keys = &rooms.keys;
        let deleted = keys.write(|_| {
            let view = keys.catalog.view();
            let record = Who::find_stored(&view, &grant.operation().0)?;
            let deleted = PrincipalView::of(rooms, &view, Who::Stored(record))?;
            Ok((vec![Entry::delete(row::principal(deleted.object_id))], deleted))
        })?;
        // From here on nothing of it is worth anything: object ids are never given twice. What is left is tidied up in portions.
        loop {
            let some = keys.write(|_| {
                let left = left_of(&keys.catalog.view(), deleted.object_id);
                let count = left.len();
                Ok((left, count))
            })?;
            if some < ROWS_AT_ONCE {
                return Ok(deleted);
            }
        }
    }
}

/// Some rows that name a principal, as they are to be without it.
fn left_of(view: &View, object_id: Id) -> Vec<Entry> {
    let assignments =
        view.directory.rights_of(object_id).iter().map(|right| Entry::delete(row::assignment(right.assignment)));
    let vaults = view.every_vault().filter_map(|vault| {
        let is_other = |id: &[u8]| id != object_id.0;
        if vault.record.purged || vault.record.access_policies.iter().all(|entry| is_other(&entry.object_id)) {
            return None;
        }
        let mut record = (*vault.record).clone();
        record.access_policies.retain(|entry| is_other(&entry.object_id));
        Some(Entry::put(row::vault(vault.id), &record))
    });
    assignments.chain(vaults).take(ROWS_AT_ONCE).collect()
}
