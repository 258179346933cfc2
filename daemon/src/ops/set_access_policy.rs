//! Says what one principal may do in a vault, where access policies decide; and of the vault's PIN user, everywhere.

use softkeep_proto::v1::{PermissionList, SetAccessPolicyRequest};

use super::{
    Audited, Operation,
    vault_settings::{MAX_ACCESS_POLICIES, VaultChange, same_principal},
};
use crate::{
    error::{Error, ErrorCode, Result},
    identity::UserType,
    keys::{
        catalog::{Vault, Version, View},
        ledger::Entry,
        record::{AccessPolicyRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{
        Area, Authorized, Permission, Place, VaultName, VaultRef, grants,
        principals::{self, Who},
    },
    workers::Lane,
};

/// The longest name of a principal.
const MAX_NAME_BYTES: usize = 512;

/// One entry. A list that is absent stays as it is.
pub struct SetAccessPolicy {
    vault: VaultName,
    principal: String,
    application: String,
    keys: Option<Vec<String>>,
    secrets: Option<Vec<String>>,
    certificates: Option<Vec<String>>,
    storage: Option<Vec<String>>,
}

impl SetAccessPolicy {
    /// Checks what the caller asks for; a name that is no permission is refused.
    pub fn parse(vault: VaultName, request: SetAccessPolicyRequest) -> Result<Self> {
        let list = |area: Option<Area>, list: Option<PermissionList>| {
            list.map(|list| grants::check_names(area, list.names)).transpose()
        };
        let (keys, secrets) = (list(Some(Area::Key), request.keys)?, list(Some(Area::Secret), request.secrets)?);
        let certificates = list(Some(Area::Certificate), request.certificates)?;
        let storage = list(None, request.storage)?;
        if request.principal.is_empty() || request.principal.len() > MAX_NAME_BYTES {
            let what = format!("a principal is named by 1 to {MAX_NAME_BYTES} bytes");
            return Err(Error::new(ErrorCode::InvalidArgument, what));
        }
        if [&keys, &secrets, &certificates, &storage].into_iter().all(Option::is_none) {
            return Err(Error::new(ErrorCode::InvalidArgument, "no permissions are named"));
        }
        let (principal, application) = (request.principal, request.application_id);
        Ok(Self { vault, principal, application, keys, secrets, certificates, storage })
    }

    fn is_for_nothing(&self) -> bool {
        [&self.keys, &self.secrets, &self.certificates, &self.storage].into_iter().flatten().all(Vec::is_empty)
    }
}

impl Operation for SetAccessPolicy {
    const NAME: &'static str = "vault.set-access-policy";
    const PERMISSION: Permission = Permission::WriteAccessPolicy;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.principal.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let keys = &rooms.keys;
        let change = VaultChange::by(grant.caller());
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = principals::vault_of(&view, &grant)?;
            let operation = grant.operation();
            let entry = entry_for(&view, vault, &operation.principal, &operation.application)?;
            let who = Who::find(&view, &operation.principal, Some(vault))?;
            check_kind(&who, vault, operation)?;
            let mut record = (*vault.record).clone();
            let place = match record.access_policies.iter().position(|other| same_principal(other, &entry)) {
                Some(place) => place,
                None if record.access_policies.len() >= MAX_ACCESS_POLICIES => {
                    let full = format!("a vault has at most {MAX_ACCESS_POLICIES} access policies");
                    return Err(Error::new(ErrorCode::InvalidArgument, full));
                }
                None => {
                    record.access_policies.push(entry);
                    record.access_policies.len() - 1
                }
            };
            if let Some(entry) = record.access_policies.get_mut(place) {
                replace(&mut entry.keys, &operation.keys);
                replace(&mut entry.secrets, &operation.secrets);
                replace(&mut entry.certificates, &operation.certificates);
                replace(&mut entry.storage, &operation.storage);
            }
            write(vault, change.stamp(record))
        })
    }
}

/// An entry without permissions, for whoever is named.
pub fn entry_for(view: &View, vault: &Vault, principal: &str, application: &str) -> Result<AccessPolicyRecord> {
    let object_id = Who::find(view, principal, Some(vault))?.object_id(view.cluster)?;
    let application_id = match application {
        "" => Vec::new(),
        application => principals::parse_guid(application)?.0.to_vec(),
    };
    Ok(AccessPolicyRecord { object_id: object_id.0.to_vec(), application_id, ..AccessPolicyRecord::default() })
}

/// The row of a vault's changed record, and the vault as it then is.
pub fn write(vault: &Vault, record: VaultRecord) -> Result<(Vec<Entry>, VaultRef)> {
    let entry = Entry::put(row::vault(vault.id), &record);
    Ok((vec![entry], VaultRef { id: vault.id, record: record.into() }))
}

fn check_kind(who: &Who, vault: &Vault, operation: &SetAccessPolicy) -> Result<()> {
    let invalid = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
    match who {
        Who::Pin(..) if !operation.application.is_empty() => invalid("a PKCS#11 user has no application id"),
        Who::Pin(UserType::SecurityOfficer, _) if !operation.is_for_nothing() => {
            invalid("the security officer sets PINs and uses no key; nothing can be added")
        }
        Who::Pin(..) => Ok(()),
        _ if vault.record.rbac => invalid("in this vault roles decide: softkeep role assignment create"),
        _ => Ok(()),
    }
}

fn replace(list: &mut Vec<String>, with: &Option<Vec<String>>) {
    if let Some(with) = with {
        list.clone_from(with);
    }
}
