//! Lists users and service principals, by object id.

use super::{Audited, Operation, get_principal::PrincipalView, list_keys::Page};
use crate::{
    error::Result,
    id::Id,
    keys::{catalog::Version, record::PrincipalKind},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// Which of them, which page.
pub struct ListPrincipals {
    /// Only these; `None` means all.
    pub kind: Option<PrincipalKind>,
    /// Exactly this; empty means any.
    pub display_name: String,
    /// Those after this one.
    pub after: Option<Id>,
    /// Principals on a page.
    pub limit: usize,
}

impl Operation for ListPrincipals {
    const NAME: &'static str = "principal.list";
    const PERMISSION: Permission = Permission::ReadPrincipals;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<PrincipalView>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<PrincipalView>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let view = rooms.keys.catalog.view();
        let wanted = grant.operation();
        let from = wanted.after.map_or(Unbounded, Excluded);
        let mut found = view.directory.principals.range((from, Unbounded)).filter(|(_, record)| {
            wanted.kind.is_none_or(|kind| record.kind == i32::from(kind))
                && (wanted.display_name.is_empty() || record.display_name == wanted.display_name)
        });
        let mut items = Vec::new();
        for (_, record) in found.by_ref().take(wanted.limit) {
            items.push(PrincipalView::of(rooms, &view, Who::Stored(record.clone()))?);
        }
        let last = items.last().map(|view| view.object_id.to_string());
        Ok(Page { items, next: last.filter(|_| found.next().is_some()) })
    }
}
