//! Lists the current version of each certificate of a vault, by name: those that are there, or those that are deleted.

use super::{
    Audited, Operation,
    list_keys::Page,
    new_certificate::{CertificateView, is_whole},
};
use crate::{
    error::{Error, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which vault, which page.
pub struct ListCertificates {
    /// The vault.
    pub vault: VaultName,
    /// Names after this one; empty for the first page.
    pub after: String,
    /// Certificates on a page.
    pub limit: usize,
    /// Those that are deleted, instead of those that are not.
    pub deleted: bool,
    /// Also those of which no version is complete yet.
    pub include_pending: bool,
}

impl Operation for ListCertificates {
    const NAME: &'static str = "certificate.list";
    const PERMISSION: Permission = Permission::ListCertificates;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<CertificateView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<CertificateView>> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let mut items = Vec::new();
        let mut last = None;
        for (name, certificate) in vault.certificates.after(&operation.after) {
            let deleted = certificate.record.deleted.is_some();
            let version = certificate.current();
            let shown = version.is_some() || (operation.include_pending && certificate.record.current.is_empty());
            if deleted != operation.deleted || !shown || (deleted && !is_whole(certificate)) {
                continue;
            }
            if items.len() == operation.limit {
                return Ok(Page { items, next: last });
            }
            items.push(CertificateView::of(vault, certificate, version));
            last = Some(name.clone());
        }
        Ok(Page { items, next: None })
    }
}
