//! Makes a user or a service principal.

use std::sync::Arc;

use softkeep_proto::v1::CreatePrincipalRequest;
use zeroize::Zeroizing;

use super::{Audited, Operation, get_principal::PrincipalView, names, principal_change};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    identity::random_object_id,
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{PrincipalKind, PrincipalRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, principals::Who},
    workers::Lane,
};

/// More would make signing in and deciding slow.
const MAX_PRINCIPALS: usize = 100_000;

/// A new principal.
pub struct CreatePrincipal {
    kind: PrincipalKind,
    name: String,
    display_name: String,
    password: Zeroizing<String>,
    certificate: Vec<u8>,
    administrator: bool,
    credential_expires: Option<i64>,
    request_id: String,
}

impl CreatePrincipal {
    /// Checks what the caller asks for.
    pub fn parse(request: CreatePrincipalRequest) -> Result<Self> {
        let invalid = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
        names::check_request_id(&request.request_id)?;
        principal_change::check_display_name(&request.display_name)?;
        let password = Zeroizing::new(request.password);
        if !password.is_empty() {
            principal_change::check_password(&password)?;
        }
        let kind = match request.kind.as_str() {
            "User" => PrincipalKind::User,
            "ServicePrincipal" => PrincipalKind::ServicePrincipal,
            _ => return invalid("the kind is 'User' or 'ServicePrincipal'"),
        };
        let has_one = !password.is_empty() || !request.certificate.is_empty();
        match kind {
            _ if request.no_credential && has_one => return invalid("no credential was asked for, and one was given"),
            PrincipalKind::User => {
                principal_change::check_user_name(&request.name)?;
                if !request.certificate.is_empty() {
                    return invalid("a user has a password and no certificate");
                }
                if password.is_empty() && !request.no_credential {
                    return invalid("a user needs a password");
                }
            }
            PrincipalKind::ServicePrincipal => {
                if !request.name.is_empty() {
                    return invalid("a service principal has an app id for a name; give a display name");
                }
                if !password.is_empty() && !request.certificate.is_empty() {
                    return invalid("either a secret or a certificate");
                }
                if !request.certificate.is_empty() {
                    principal_change::check_certificate(&request.certificate)?;
                }
            }
        }
        Ok(Self {
            kind,
            name: request.name,
            display_name: request.display_name,
            password,
            certificate: request.certificate,
            administrator: request.administrator,
            credential_expires: request.credential_expires,
            request_id: request.request_id,
        })
    }

    fn record(&self, rooms: &Unsealed) -> Result<PrincipalRecord> {
        let expires = match self.kind {
            PrincipalKind::User if self.credential_expires.is_none() => None,
            _ => principal_change::expiry(self.credential_expires)?,
        };
        let is_application = self.kind == PrincipalKind::ServicePrincipal;
        let mut record = PrincipalRecord {
            object_id: random_object_id()?.0.to_vec(),
            kind: self.kind.into(),
            name: self.name.clone(),
            display_name: if self.display_name.is_empty() { self.name.clone() } else { self.display_name.clone() },
            app_id: if is_application { random_object_id()?.0.to_vec() } else { Vec::new() },
            administrator: self.administrator,
            created: clock::now_seconds(),
            request_id: self.request_id.clone(),
            ..PrincipalRecord::default()
        };
        if !self.password.is_empty() {
            let password = principal_change::password_credential(rooms, &self.password, "", expires, false)?;
            principal_change::add(&mut record, password)?;
        }
        if !self.certificate.is_empty() {
            let certificate = principal_change::certificate_credential(&self.certificate, "", expires)?;
            principal_change::add(&mut record, certificate)?;
        }
        Ok(record)
    }
}

impl Operation for CreatePrincipal {
    const NAME: &'static str = "principal.create";
    const PERMISSION: Permission = Permission::WritePrincipals;
    const AUDITED: Audited = Audited::Administration;
    type Reply = PrincipalView;

    fn place(&self) -> Place {
        let name = if self.name.is_empty() { &self.display_name } else { &self.name };
        Place::Principal(name.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<PrincipalView> {
        let operation = grant.into_operation();
        // Hashed before the lock is taken.
        let record = operation.record(rooms)?;
        let made = rooms.keys.write(|_| {
            let view = rooms.keys.catalog.view();
            let all = &view.directory.principals;
            let earlier = all.values().find(|one| !one.request_id.is_empty() && one.request_id == record.request_id);
            if let Some(earlier) = earlier {
                if (earlier.kind, &earlier.name, &earlier.display_name)
                    != (record.kind, &record.name, &record.display_name)
                {
                    return Err(Error::new(ErrorCode::Conflict, "the request id was used for another principal"));
                }
                return Ok((Vec::new(), earlier.clone()));
            }
            if !record.name.is_empty() && view.directory.user(&record.name).is_some() {
                let taken = format!("there is a user '{}' already", record.name);
                return Err(Error::new(ErrorCode::AlreadyExists, taken));
            }
            if all.len() >= MAX_PRINCIPALS {
                let full = format!("there are at most {MAX_PRINCIPALS} principals");
                return Err(Error::new(ErrorCode::InvalidArgument, full));
            }
            let id = crate::id::Id::from_bytes(&record.object_id)?;
            Ok((vec![Entry::put(row::principal(id), &record)], Arc::new(record)))
        })?;
        PrincipalView::of(rooms, &rooms.keys.catalog.view(), Who::Stored(made))
    }
}
