//! Forgets an issuer of a vault. Certificates that it issued stay as they are.

use super::{Audited, Operation, get_issuer::IssuerView, issuing_authority::find_issuer};
use crate::{
    error::{Error, Result},
    keys::{catalog::Version, ledger::Entry, record::row},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which issuer.
pub struct DeleteIssuer {
    /// The vault.
    pub vault: VaultName,
    /// The issuer.
    pub name: String,
}

impl Operation for DeleteIssuer {
    const NAME: &'static str = "certificate.delete-issuer";
    const PERMISSION: Permission = Permission::DeleteIssuers;
    const AUDITED: Audited = Audited::Administration;
    type Reply = IssuerView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<IssuerView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let issuer = find_issuer(vault, &operation.name)?.clone();
            let entry = Entry::delete(row::issuer(id, &operation.name.to_ascii_lowercase()));
            Ok((vec![entry], IssuerView { vault: vault.record.clone(), issuer }))
        })
    }
}
