//! Shows an issuer of a vault, without its password.

use std::sync::Arc;

use super::{Audited, Operation, issuing_authority::find_issuer};
use crate::{
    error::{Error, Result},
    keys::{
        catalog::Version,
        record::{IssuerRecord, VaultRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which issuer.
pub struct GetIssuer {
    /// The vault.
    pub vault: VaultName,
    /// The issuer.
    pub name: String,
}

/// An issuer as its callers see it.
pub struct IssuerView {
    /// Its vault.
    pub vault: Arc<VaultRecord>,
    /// Its record.
    pub issuer: Arc<IssuerRecord>,
}

impl Operation for GetIssuer {
    const NAME: &'static str = "certificate.get-issuer";
    const PERMISSION: Permission = Permission::GetIssuers;
    const AUDITED: Audited = Audited::Read;
    type Reply = IssuerView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<IssuerView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        let issuer = find_issuer(vault, &operation.name)?;
        Ok(IssuerView { vault: vault.record.clone(), issuer: issuer.clone() })
    }
}
