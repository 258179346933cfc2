//! Lists the versions of a certificate, oldest first.

use super::{
    Audited, Operation,
    list_keys::Page,
    new_certificate::{self, CertificateView},
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate, which page.
pub struct ListCertificateVersions {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
    /// Versions after this one; empty for the first page.
    pub after: String,
    /// Versions on a page.
    pub limit: usize,
}

impl Operation for ListCertificateVersions {
    const NAME: &'static str = "certificate.list-versions";
    const PERMISSION: Permission = Permission::ListCertificates;
    const AUDITED: Audited = Audited::Read;
    type Reply = Page<CertificateView>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Page<CertificateView>> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let certificate = new_certificate::find(vault, &operation.name)?;
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let start = match operation.after.as_str() {
            "" => 0,
            after => {
                let place = certificate.versions.iter().position(|version| hex(&version.id) == after);
                place.ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "this is no page of the list"))? + 1
            }
        };
        let rest = certificate.versions.get(start..).unwrap_or_default();
        let page = rest.get(..operation.limit).unwrap_or(rest);
        let items = page.iter().map(|version| CertificateView::of(vault, certificate, Some(version))).collect();
        let next = page.last().filter(|_| page.len() < rest.len()).map(|version| hex(&version.id));
        Ok(Page { items, next })
    }
}
