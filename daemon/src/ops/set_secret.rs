//! Sets a secret: a new one, or a new version of one that is there.

use std::collections::BTreeMap;

use softkeep_proto::v1;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    get_secret::SecretView,
    names,
    new_secret::{self, NewSecret},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        record::SecretVersionRecord,
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A secret to be set. It has no `Debug`: it holds the value.
pub struct SetSecret {
    vault: VaultName,
    name: String,
    value: Zeroizing<Vec<u8>>,
    content_type: String,
    enabled: bool,
    not_before: Option<i64>,
    expires: Option<i64>,
    tags: BTreeMap<String, String>,
    request_id: String,
}

impl SetSecret {
    /// Checks what the caller asks for.
    pub fn parse(vault: VaultName, request: v1::SetSecretRequest) -> Result<Self> {
        // First, so that every way out wipes it.
        let value = Zeroizing::new(request.value);
        new_secret::check_name(&request.name)?;
        new_secret::check(&value, &request.content_type)?;
        names::check_request_id(&request.request_id)?;
        let attributes = request.attributes.unwrap_or_default();
        let tags: BTreeMap<_, _> = attributes.tags.into_iter().collect();
        names::check_tags(&tags)?;
        new_secret::check_times(attributes.not_before, attributes.expires)?;
        Ok(Self {
            vault,
            name: request.name,
            value,
            content_type: request.content_type,
            enabled: attributes.enabled.unwrap_or(true),
            not_before: attributes.not_before,
            expires: attributes.expires,
            tags,
            request_id: request.request_id,
        })
    }
}

impl Operation for SetSecret {
    const NAME: &'static str = "secret.set";
    const PERMISSION: Permission = Permission::SetSecret;
    const AUDITED: Audited = Audited::Administration;
    /// With the value as it was sent.
    type Reply = SecretView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SecretView> {
        let vault = grant.vault()?.id;
        let operation = grant.into_operation();
        let (name, value) = (operation.name.clone(), operation.value.clone());
        let keys = &rooms.keys;
        let version = keys.write(|counters| {
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
            if let Some(made) = vault.made_by(&operation.request_id) {
                return check_repeated(vault, &operation, made).map(|()| (Vec::new(), made));
            }
            let version = Id::random()?;
            let new = NewSecret {
                name: operation.name,
                version,
                value: operation.value,
                content_type: operation.content_type,
                enabled: operation.enabled,
                not_before: operation.not_before,
                expires: operation.expires,
                tags: operation.tags,
                managed: false,
                request_id: operation.request_id,
            };
            Ok((new_secret::entries(keys, vault, counters, new)?, version))
        })?;
        SecretView::find(rooms, vault, &name, Some(version)).map(|view| view.with_value(value))
    }
}

/// A repeated request asks for what the first one did. The values are not compared: whoever may set a secret may not therefore read it, and
/// would learn by this whether a guess is right.
fn check_repeated(vault: &Vault, operation: &SetSecret, made: Id) -> Result<()> {
    let same = |first: &SecretVersionRecord| {
        first.content_type == operation.content_type
            && (first.not_before, first.expires) == (operation.not_before, operation.expires)
            && first.tags == operation.tags
            && first.enabled == operation.enabled
            && !first.policy.as_ref().is_some_and(|policy| policy.managed)
    };
    let first = vault.secrets.get(&operation.name).and_then(|secret| secret.version(&made.0));
    // What was changed since is another version's business: only a request that names other things altogether is a mistake.
    match first {
        Some(first) if same(first) || first.updated != first.created => Ok(()),
        _ => Err(Error::new(ErrorCode::Conflict, "another request had this request id")),
    }
}
