//! Makes an issuer of a vault, or changes what the mask names of one. Its password is kept sealed and never told.

use std::sync::Arc;

use softkeep_proto::{algorithm::Hash, v1};
use zeroize::Zeroizing;

use super::{
    Audited, Operation, certificate_policy,
    get_issuer::IssuerView,
    issuing_authority::{PROVIDER, check_account, find_issuer},
    set_contacts::MAX_WORD_BYTES,
};
use crate::{
    clock,
    crypto::{self, x509::contents},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{IssuerAdminRecord, IssuerRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Issuers of one vault.
const MAX_ISSUERS: usize = 100;
/// Administrators of one issuer.
const MAX_ADMINS: usize = 50;
const MAX_PASSWORD_BYTES: usize = 1024;

/// What can be changed of an issuer.
const FIELDS: [&str; 6] = ["provider", "account_id", "organization_id", "admins", "enabled", "password"];

/// An issuer, and what of it is to be set.
pub struct SetIssuer {
    vault: VaultName,
    issuer: v1::Issuer,
    password: Zeroizing<String>,
    /// None: all of it, and it may be new.
    mask: Option<Vec<String>>,
}

impl SetIssuer {
    /// Checks what the caller says.
    pub fn parse(vault: VaultName, issuer: v1::Issuer, password: String, mask: Option<Vec<String>>) -> Result<Self> {
        let password = Zeroizing::new(password);
        let invalid = |why: String| Err(Error::new(ErrorCode::InvalidArgument, why));
        certificate_policy::check_issuer_name(&issuer.name)?;
        if let Some(unknown) = mask.iter().flatten().find(|field| !FIELDS.contains(&field.as_str())) {
            return invalid(format!("the mask names '{unknown}', which an issuer has not, or not to be changed"));
        }
        if mask.is_none() && issuer.provider.is_empty() {
            return invalid(format!("an issuer has a provider, like {PROVIDER}"));
        }
        let words = [&issuer.provider, &issuer.account_id, &issuer.organization_id];
        if words.iter().any(|word| word.len() > MAX_WORD_BYTES) || password.len() > MAX_PASSWORD_BYTES {
            return invalid("the issuer's provider, account, organization or password is too long".into());
        }
        if issuer.admins.len() > MAX_ADMINS {
            return invalid(format!("an issuer has at most {MAX_ADMINS} administrators"));
        }
        for admin in &issuer.admins {
            contents::email(&admin.email)?;
            let words = [&admin.first_name, &admin.last_name, &admin.phone];
            if words.iter().any(|word| word.len() > MAX_WORD_BYTES) {
                return invalid(format!("a name or telephone number has at most {MAX_WORD_BYTES} bytes"));
            }
        }
        Ok(Self { vault, issuer, password, mask })
    }

    fn sets(&self, field: &str) -> bool {
        self.mask.as_ref().is_none_or(|mask| mask.iter().any(|named| named == field))
    }

    fn apply(&self, old: Option<&IssuerRecord>, now: i64) -> IssuerRecord {
        let mut record = old.cloned().unwrap_or_else(|| IssuerRecord {
            name: self.issuer.name.clone(),
            created: now,
            enabled: true,
            ..IssuerRecord::default()
        });
        record.updated = now;
        for (field, place, value) in [
            ("provider", &mut record.provider, &self.issuer.provider),
            ("account_id", &mut record.account_id, &self.issuer.account_id),
            ("organization_id", &mut record.organization_id, &self.issuer.organization_id),
        ] {
            if self.sets(field) {
                place.clone_from(value);
            }
        }
        if self.sets("enabled") {
            record.enabled = self.issuer.enabled;
        }
        if self.sets("admins") {
            record.admins = self.issuer.admins.iter().cloned().map(admin).collect();
        }
        record
    }
}

fn admin(admin: v1::IssuerAdmin) -> IssuerAdminRecord {
    let v1::IssuerAdmin { first_name, last_name, email, phone } = admin;
    IssuerAdminRecord { first_name, last_name, email, phone }
}

/// What the password is sealed to.
fn password_id(name: &str) -> Result<Id> {
    let name = name.to_ascii_lowercase();
    let hash = crypto::digest(Hash::Sha256, &[b"softkeep/issuer-password/1/", name.as_bytes()].concat());
    Id::from_bytes(hash.get(..16).unwrap_or_default())
}

impl Operation for SetIssuer {
    const NAME: &'static str = "certificate.set-issuer";
    const PERMISSION: Permission = Permission::SetIssuers;
    const AUDITED: Audited = Audited::Administration;
    type Reply = IssuerView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.issuer.name.clone()))
    }

    fn permission(&self) -> Permission {
        match self.mask.as_deref() {
            Some([field]) if field == "admins" => Permission::ManageIssuers,
            _ => Self::PERMISSION,
        }
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
            let name = &operation.issuer.name;
            let old = match &operation.mask {
                Some(_) => Some(find_issuer(vault, name)?),
                None => vault.issuers.get(&name.to_ascii_lowercase()),
            };
            if old.is_none() && vault.issuers.len() >= MAX_ISSUERS {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!("a vault has at most {MAX_ISSUERS} issuers"),
                ));
            }
            let mut record = operation.apply(old.map(|old| &**old), clock::now_seconds());
            if record.provider == PROVIDER {
                check_account(&record.account_id)?;
            }
            if operation.sets("password") {
                record.sealed_password = match operation.password.is_empty() {
                    true => Vec::new(),
                    false => keys.seal_value(vault, password_id(name)?, operation.password.as_bytes())?,
                };
            }
            let entry = Entry::put(row::issuer(id, &name.to_ascii_lowercase()), &record);
            Ok((vec![entry], IssuerView { vault: vault.record.clone(), issuer: Arc::new(record) }))
        })
    }
}
