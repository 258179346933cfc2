//! Changes what Key Vault's callers may change of a version: whether and when it may be used, its operations, its tags.

use std::collections::BTreeMap;

use softkeep_proto::{algorithm::KeyOperation, v1};

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names,
    new_version::{check_ops, check_window, parse_ops},
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{KeyPolicy, Ops, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// What to change of which version. `None` leaves a member as it is.
pub struct UpdateKey {
    vault: VaultName,
    key: KeyName,
    ops: Option<Ops>,
    enabled: Option<bool>,
    not_before: Option<Option<i64>>,
    expires: Option<Option<i64>>,
    tags: Option<BTreeMap<String, String>>,
}

impl UpdateKey {
    /// Checks what the caller asks for. Without a mask, what is there is changed.
    pub fn parse(vault: VaultName, key: KeyName, request: v1::UpdateKeyRequest) -> Result<Self> {
        let attributes = request.attributes.unwrap_or_default();
        let tags: BTreeMap<_, _> = attributes.tags.into_iter().collect();
        let paths: Vec<&str> = match &request.update_mask {
            Some(mask) if !mask.paths.is_empty() => mask.paths.iter().map(String::as_str).collect(),
            _ => [
                ("key_ops", !request.key_ops.is_empty()),
                ("enabled", attributes.enabled.is_some()),
                ("not_before", attributes.not_before.is_some()),
                ("expires", attributes.expires.is_some()),
                ("tags", !tags.is_empty()),
            ]
            .into_iter()
            .filter_map(|(path, given)| given.then_some(path))
            .collect(),
        };
        let (ops, enabled, not_before, expires) = (None, None, None, None);
        let mut update = Self { vault, key, ops, enabled, not_before, expires, tags: None };
        for path in paths {
            match path {
                "key_ops" => update.ops = Some(parse_ops(&request.key_ops)?),
                "enabled" => update.enabled = Some(attributes.enabled.unwrap_or(true)),
                "not_before" => update.not_before = Some(attributes.not_before),
                "expires" => update.expires = Some(attributes.expires),
                "tags" => {
                    names::check_tags(&tags)?;
                    update.tags = Some(tags.clone());
                }
                other => {
                    let refusal = format!("the update mask names '{other}', which no key has");
                    return Err(Error::new(ErrorCode::InvalidArgument, refusal));
                }
            }
        }
        Ok(update)
    }

    fn changed(&self, version: &Version, managed: bool, rules: Rules) -> Result<VersionRecord> {
        let mut record = version.record.clone();
        record.updated = clock::now_seconds();
        record.enabled = self.enabled.unwrap_or(record.enabled);
        if version.policy.single_use && record.enabled && !version.record.enabled {
            let refusal = "a key for a single use that is disabled, by its use or otherwise, stays so";
            return Err(Error::new(ErrorCode::ActionProhibited, refusal));
        }
        record.not_before = self.not_before.unwrap_or(record.not_before);
        record.expires = self.expires.unwrap_or(record.expires);
        check_window(record.not_before, record.expires)?;
        if let Some(tags) = &self.tags {
            record.tags.clone_from(tags);
        }
        if let Some(ops) = self.ops {
            let policy = with_ops(version, ops, rules)?;
            // Its next version may have the same key, with operations that follow from the next certificate.
            if managed && policy.ever_ops != version.policy.ever_ops {
                let refusal = "what a certificate's key may do follows from the certificate";
                return Err(Error::new(ErrorCode::ManagedObject, refusal));
            }
            record.policy = Some(policy);
        }
        Ok(record)
    }
}

/// Key Vault's operations; what only PKCS#11 has stays as it is.
const KEY_VAULT: Ops = Ops::SIGN
    .and(Ops::VERIFY)
    .and(Ops::ENCRYPT)
    .and(Ops::DECRYPT)
    .and(Ops::WRAP_KEY)
    .and(Ops::UNWRAP_KEY)
    .and(Ops::of(KeyOperation::Import));

/// The policy with other operations. What a key once could, it may do again. A key that has done nothing but wrap never gains what would
/// undo that, and a key for imports stays one: what it has unwrapped must not come out another way.
fn with_ops(version: &Version, wanted: Ops, rules: Rules) -> Result<KeyPolicy> {
    let mut policy = version.policy.clone();
    check_ops(wanted, version.key_type, version.record.hsm)?;
    let ops = Ops(policy.ops & !KEY_VAULT.0).and(wanted);
    let (now, ever) = (policy.operations(), policy.ever());
    if ops == now {
        return Ok(policy);
    }
    let refused = |why: &str| Err(Error::new(ErrorCode::ActionProhibited, why));
    if policy.fixed {
        return refused("the key may not be modified (CKA_MODIFIABLE false)");
    }
    let import = Ops::of(KeyOperation::Import);
    if !ops.is_empty() && ever.contains(import) != ops.contains(import) {
        return refused("whether a key is for imports is decided when it is made");
    }
    let new = Ops(ops.0 & !ever.0);
    if rules.forbids_widening(&policy, Ops(ops.0 & !now.0), new) {
        return refused(
            "the key, or a copy of it, would undo what it wraps, or its vault's profile 'strict' adds no operation to a key",
        );
    }
    policy.ops = ops.0;
    policy.ever_ops = ever.and(ops).0;
    rules.check_key(&policy)?;
    Ok(policy)
}

impl Operation for UpdateKey {
    const NAME: &'static str = "key.update";
    const PERMISSION: Permission = Permission::Update;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let (vault, id) = (grant.vault()?.id, grant.version()?.id);
        let keys = &rooms.keys;
        keys.write(|_| {
            let gone = || Error::key_not_found(&id.to_string());
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(gone)?;
            let version = vault.version(id).ok_or_else(gone)?;
            let managed = vault.key(&version.record.key).is_some_and(|key| key.record.managed);
            let record = grant.operation().changed(version, managed, Rules::of(&vault.record)?)?;
            let mut rows = vec![Entry::put(row::version(vault.id, id), &record)];
            if let Some(policy) = record.policy.as_ref().filter(|policy| **policy != version.policy) {
                rows.push(keys.reseal_version(vault, version, policy)?);
            }
            Ok((rows, ()))
        })?;
        GetKey::show(rooms, vault, id)
    }
}

#[cfg(test)]
#[path = "update_key/tests.rs"]
mod tests;
