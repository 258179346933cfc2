//! Changes a user or service principal. Who is disabled, or gets another password, is signed out everywhere.

use softkeep_proto::v1::UpdatePrincipalRequest;
use zeroize::Zeroizing;

use super::{Audited, Operation, get_principal::PrincipalView, principal_change};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::PrincipalKind},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// What is to be different; what is `None` stays.
pub struct UpdatePrincipal {
    principal: String,
    display_name: Option<String>,
    enabled: Option<bool>,
    administrator: Option<bool>,
    password: Option<Zeroizing<String>>,
}

impl UpdatePrincipal {
    /// Reads what the mask names, and nothing else.
    pub fn parse(request: UpdatePrincipalRequest) -> Result<Self> {
        let invalid = |what: String| Error::new(ErrorCode::InvalidArgument, what);
        let password = Zeroizing::new(request.password);
        let mut change = Self {
            principal: request.principal,
            display_name: None,
            enabled: None,
            administrator: None,
            password: None,
        };
        for path in request.update_mask.unwrap_or_default().paths {
            match path.as_str() {
                "display_name" => {
                    principal_change::check_display_name(&request.display_name)?;
                    change.display_name = Some(request.display_name.clone());
                }
                "enabled" => change.enabled = Some(request.enabled),
                "administrator" => change.administrator = Some(request.administrator),
                "password" => {
                    principal_change::check_password(&password)?;
                    change.password = Some(password.clone());
                }
                other => {
                    return Err(invalid(format!(
                        "'{other}' cannot be changed; display_name, enabled, administrator and password can"
                    )));
                }
            }
        }
        if change.display_name.is_none()
            && (change.enabled, change.administrator) == (None, None)
            && change.password.is_none()
        {
            return Err(invalid("the update mask names nothing to change".into()));
        }
        Ok(change)
    }
}

impl Operation for UpdatePrincipal {
    const NAME: &'static str = "principal.update";
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
        let password = operation
            .password
            .as_ref()
            .map(|password| principal_change::password_credential(rooms, password, "", None, false))
            .transpose()?;
        let record = principal_change::write(rooms, &operation.principal, |record| {
            if let Some(name) = operation.display_name {
                record.display_name = name;
            }
            if let Some(administrator) = operation.administrator {
                record.administrator = administrator;
            }
            if let Some(enabled) = operation.enabled {
                record.disabled = !enabled;
            }
            if let Some(password) = password {
                if record.kind != i32::from(PrincipalKind::User) {
                    let what = "a service principal has credentials: softkeep ad sp credential reset";
                    return Err(Error::new(ErrorCode::InvalidArgument, what));
                }
                record.credentials = vec![password];
                record.epoch += 1;
            }
            if record.disabled {
                record.epoch += 1;
            }
            Ok(())
        })?;
        PrincipalView::of(rooms, &rooms.keys.catalog.view(), Who::Stored(record))
    }
}
