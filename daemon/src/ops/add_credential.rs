//! Gives a service principal another secret or certificate. A secret that is made here is told once.

use softkeep_proto::v1::AddCredentialRequest;
use zeroize::Zeroizing;

use super::{Audited, Operation, get_principal::PrincipalView, principal_change};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        record::{CredentialRecord, PrincipalKind},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// One more credential.
pub struct AddCredential {
    principal: String,
    password: Zeroizing<String>,
    certificate: Vec<u8>,
    display_name: String,
    expires: Option<i64>,
    replace: bool,
}

/// What was added.
pub struct Added {
    /// To whom.
    pub principal: PrincipalView,
    /// What.
    pub credential: CredentialRecord,
    /// The secret, if it was made here.
    pub password: Option<Zeroizing<String>>,
}

impl AddCredential {
    /// Checks what the caller asks for.
    pub fn parse(request: AddCredentialRequest) -> Result<Self> {
        let password = Zeroizing::new(request.password);
        if !password.is_empty() && !request.certificate.is_empty() {
            return Err(Error::new(ErrorCode::InvalidArgument, "either a secret or a certificate"));
        }
        if !password.is_empty() {
            principal_change::check_password(&password)?;
        }
        if !request.certificate.is_empty() {
            principal_change::check_certificate(&request.certificate)?;
        }
        principal_change::check_display_name(&request.display_name)?;
        Ok(Self {
            principal: request.principal,
            password,
            certificate: request.certificate,
            display_name: request.display_name,
            expires: request.expires,
            replace: request.replace,
        })
    }
}

impl Operation for AddCredential {
    const NAME: &'static str = "principal.add-credential";
    const PERMISSION: Permission = Permission::WritePrincipals;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Added;

    fn place(&self) -> Place {
        Place::Principal(self.principal.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Added> {
        let operation = grant.into_operation();
        let expires = principal_change::expiry(operation.expires)?;
        let made = match operation.password.is_empty() && operation.certificate.is_empty() {
            true => Some(principal_change::make_secret()?),
            false => None,
        };
        let credential = if operation.certificate.is_empty() {
            let secret = made.as_ref().unwrap_or(&operation.password);
            principal_change::password_credential(rooms, secret, &operation.display_name, expires, made.is_some())?
        } else {
            principal_change::certificate_credential(&operation.certificate, &operation.display_name, expires)?
        };
        let record = principal_change::write(rooms, &operation.principal, |record| {
            if record.kind != i32::from(PrincipalKind::ServicePrincipal) {
                let what = "a user has one password; change that";
                return Err(Error::new(ErrorCode::InvalidArgument, what));
            }
            if operation.replace {
                // What was had for the old ones is over with them.
                record.credentials.clear();
                record.epoch += 1;
            }
            principal_change::add(record, credential.clone())
        })?;
        let principal = PrincipalView::of(rooms, &rooms.keys.catalog.view(), Who::Stored(record))?;
        Ok(Added { principal, credential, password: made })
    }
}
