//! Takes a credential from a service principal, and with it the tokens it has.

use super::{Audited, Operation, get_principal::PrincipalView, principal_change};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::PrincipalKind},
    pipeline::Unsealed,
    policy::{
        Authorized, Permission, Place,
        principals::{Who, parse_guid},
    },
    workers::Lane,
};

/// Which one.
pub struct RemoveCredential {
    /// Whose.
    pub principal: String,
    /// A GUID.
    pub key_id: String,
}

impl Operation for RemoveCredential {
    const NAME: &'static str = "principal.remove-credential";
    const PERMISSION: Permission = Permission::WritePrincipals;
    const AUDITED: Audited = Audited::Administration;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        Place::Principal(self.principal.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let operation = grant.into_operation();
        let key_id = parse_guid(&operation.key_id)?;
        let record = principal_change::write(rooms, &operation.principal, |record| {
            let before = record.credentials.len();
            if record.kind == i32::from(PrincipalKind::ServicePrincipal) {
                record.credentials.retain(|credential| credential.id != key_id.0);
            }
            if record.credentials.len() == before {
                let what = format!("the principal has no credential {}", operation.key_id);
                return Err(Error::new(ErrorCode::PrincipalNotFound, what));
            }
            // Which of them a token was had for is not on record.
            record.epoch += 1;
            Ok(())
        })?;
        PrincipalView::of(rooms, &rooms.keys.catalog.view(), Who::Stored(record))
    }
}
