//! Changes attributes of one version of a secret, never its value.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::v1;

use super::{
    Audited, Operation,
    get_deleted_secret::check_own,
    get_secret::{self, SecretView},
    names, new_secret,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{SecretVersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// What is to be changed: of each, nothing, or to what.
pub struct UpdateSecret {
    vault: VaultName,
    name: String,
    version: Option<Id>,
    content_type: Option<String>,
    enabled: Option<bool>,
    not_before: Option<Option<i64>>,
    expires: Option<Option<i64>>,
    tags: Option<BTreeMap<String, String>>,
}

impl UpdateSecret {
    /// Checks what the caller asks for. Without a mask, what the request has is changed.
    pub fn parse(vault: VaultName, request: v1::UpdateSecretRequest) -> Result<Self> {
        new_secret::check(&[], &request.content_type)?;
        let version = get_secret::parse_version(&request.name, &request.version)?;
        let given = request.attributes.unwrap_or_default();
        let tags: BTreeMap<_, _> = given.tags.into_iter().collect();
        names::check_tags(&tags)?;
        let mut change = Self {
            vault,
            name: request.name,
            version,
            content_type: None,
            enabled: None,
            not_before: None,
            expires: None,
            tags: None,
        };
        let Some(mask) = request.update_mask.filter(|mask| !mask.paths.is_empty()) else {
            return Ok(Self {
                content_type: Some(request.content_type).filter(|words| !words.is_empty()),
                enabled: given.enabled,
                not_before: given.not_before.map(Some),
                expires: given.expires.map(Some),
                tags: Some(tags).filter(|tags| !tags.is_empty()),
                ..change
            });
        };
        for path in &mask.paths {
            match path.as_str() {
                "content_type" => change.content_type = Some(request.content_type.clone()),
                "enabled" => change.enabled = Some(given.enabled.unwrap_or(true)),
                "not_before" => change.not_before = Some(given.not_before),
                "expires" => change.expires = Some(given.expires),
                "tags" => change.tags = Some(tags.clone()),
                unknown => {
                    let why = format!("the mask names '{unknown}', which a secret has not, or not to be changed");
                    return Err(Error::new(ErrorCode::InvalidArgument, why));
                }
            }
        }
        Ok(change)
    }

    fn apply(&self, record: &SecretVersionRecord) -> SecretVersionRecord {
        SecretVersionRecord {
            content_type: self.content_type.clone().unwrap_or_else(|| record.content_type.clone()),
            enabled: self.enabled.unwrap_or(record.enabled),
            not_before: self.not_before.unwrap_or(record.not_before),
            expires: self.expires.unwrap_or(record.expires),
            tags: self.tags.clone().unwrap_or_else(|| record.tags.clone()),
            updated: clock::now_seconds(),
            ..record.clone()
        }
    }
}

impl Operation for UpdateSecret {
    const NAME: &'static str = "secret.update";
    const PERMISSION: Permission = Permission::UpdateSecret;
    const AUDITED: Audited = Audited::Administration;
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let (id, operation) = (grant.vault()?.id, grant.operation());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let (secret, version) = get_secret::find(vault, &operation.name, operation.version)?;
            let shown = SecretView::of(vault, secret, version);
            if operation.content_type.is_some() {
                // It says in which form the certificate is told.
                check_own(&shown)?;
            }
            let record = operation.apply(version);
            new_secret::check_times(record.not_before, record.expires)?;
            let entry = Entry::put(row::secret_version(id, Id::from_bytes(&record.id)?), &record);
            Ok((vec![entry], SecretView { version: Arc::new(record), ..shown }))
        })
    }
}
