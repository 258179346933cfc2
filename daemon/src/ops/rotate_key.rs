//! Makes a new version of a key: of the same type, with the same attributes and the same operations. The old versions stay and can be
//! used, so that nothing that is under way or was made with them suffers. Also what the daemon does by itself when a policy says so.

use std::collections::{BTreeMap, HashSet};

use cryptoki_sys as ck;
use softkeep_proto::algorithm::KeyType;

use super::{
    Audited, Operation,
    get_key::{GetKey, KeyView},
    names, new_object,
    new_version::{self, Naming, NewVersion},
    rotation,
};
use crate::{
    clock,
    crypto::key_info,
    error::{Error, ErrorCode, Result},
    id::Id,
    jobs::Job,
    keys::{
        catalog::{Key, Version, View},
        record::{KeyPolicy, Origin, VersionRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

/// Which key.
pub struct RotateKey {
    vault: VaultName,
    name: String,
    request_id: String,
    /// Only while it is due by the key's policy.
    only_if_due: bool,
}

impl RotateKey {
    /// By a caller's wish.
    pub fn parse(vault: VaultName, name: String, request_id: String) -> Result<Self> {
        names::check_request_id(&request_id)?;
        Ok(Self { vault, name, request_id, only_if_due: false })
    }
}

/// The keys whose policy says that they are rotated now or were to be rotated before. However long the daemon was away, each is rotated
/// once: the next time counts from the new version.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, _) in vault.keys.iter().filter(|(_, key)| is_due(key, now)) {
            let vault_name = VaultName::Id(vault.id);
            let rotate =
                RotateKey { vault: vault_name, name: name.clone(), request_id: String::new(), only_if_due: true };
            jobs.push(Job::new(&format!("{}/{name}", vault.id), rotate));
        }
    }
    jobs
}

fn is_due(key: &Key, now: i64) -> bool {
    rotation::rotates_at(key).is_some_and(|time| time <= now)
}

impl Operation for RotateKey {
    const NAME: &'static str = "key.rotate";
    const PERMISSION: Permission = Permission::Rotate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = KeyView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<KeyView> {
        let vault = grant.vault()?.id;
        let rules = Rules::of(&grant.vault()?.record)?;
        let operation = grant.operation();
        let naming = Naming::Exactly(operation.name.clone());
        let key = find(rooms, vault, operation)?;
        if let Some(id) = new_version::look_ahead(rooms, vault, &naming, &operation.request_id)? {
            return GetKey::show(rooms, vault, id);
        }
        let last = key.current().ok_or_else(|| Error::key_not_found(&operation.name))?;
        let mut new = successor(rooms, vault, rules, last)?;
        new.record.request_id.clone_from(&operation.request_id);
        if !last.record.certificate_der.is_empty() {
            new_version::publish(&rooms.keys, vault, &naming, &mut new)?;
        }
        let keys = &rooms.keys;
        let written = keys.write(|counters| {
            // Somebody else may have rotated it meanwhile.
            let key = find(rooms, vault, operation)?;
            new.record.expires = rotation::expires(key.record.rotation.as_ref(), clock::now_seconds());
            let view = keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
            let mut written = new_version::entries(keys, vault, counters, &naming, new, &mut HashSet::new())?;
            Ok((std::mem::take(&mut written.entries), written))
        })?;
        written.note(rooms)?;
        GetKey::show(rooms, vault, written.id)
    }
}

/// The key as it is now, if it may be rotated.
fn find(rooms: &Unsealed, vault: Id, operation: &RotateKey) -> Result<Key> {
    let view = rooms.keys.catalog.view();
    let found = view.vault(vault).and_then(|vault| vault.key(&operation.name));
    let key = found.ok_or_else(|| Error::key_not_found(&operation.name))?;
    new_version::check_not_managed(&key.record)?;
    // Its secret was destroyed through PKCS#11: there is nothing to go on from until it is recovered.
    if key.current().is_none_or(|version| version.record.private_hidden) {
        return Err(Error::key_not_found(&operation.name));
    }
    if operation.only_if_due && !is_due(key, clock::now_seconds()) {
        return Err(Error::new(ErrorCode::Conflict, "the key is not due any more"));
    }
    Ok(key.clone())
}

/// A new key like the last one: complete but for its number, its place and its expiry.
fn successor(rooms: &Unsealed, vault: Id, rules: Rules, last: &Version) -> Result<NewVersion> {
    let key_type = last.key_type;
    let material = rooms.keys.backend.generate(key_type)?;
    let public = match key_type {
        KeyType::Secret(..) => None,
        _ => Some(key_info::public_info_of_private(&material)?),
    };
    let policy = inherited(&last.policy, key_type);
    rules.check_key(&policy)?;
    let check_value = match key_type {
        KeyType::Secret(kind, _) => new_object::check_value(rooms, vault, kind, &material)?,
        _ => Vec::new(),
    };
    let record = VersionRecord {
        // One for a single use is disabled by it; its successor has not been used.
        enabled: last.record.enabled || last.policy.single_use,
        tags: last.record.tags.clone(),
        public_key_der: public.map(|public| public.spki_der).unwrap_or_default(),
        policy: Some(policy),
        private_attributes: described(&last.record.private_attributes),
        public_attributes: described(&last.record.public_attributes),
        public_hidden: last.record.public_hidden,
        public_derived: last.record.public_derived,
        hsm: last.record.hsm,
        check_value,
        ..VersionRecord::default()
    };
    Ok(NewVersion::new(record, material))
}

/// What a program said of the last version holds for the new one, but for what names that one alone.
fn described(attributes: &BTreeMap<u64, Vec<u8>>) -> BTreeMap<u64, Vec<u8>> {
    let own = [ck::CKA_ID, ck::CKA_START_DATE, ck::CKA_END_DATE, ck::CKA_CHECK_VALUE];
    let kept = attributes.iter().filter(|(kind, _)| !own.contains(kind));
    kept.map(|(kind, value)| (*kind, value.clone())).collect()
}

/// The policy of a key that was made here just now. The security officer's trust was in the last one.
fn inherited(last: &KeyPolicy, key_type: KeyType) -> KeyPolicy {
    let mut policy = KeyPolicy {
        ever_ops: last.ops,
        generated: true,
        always_sensitive: last.sensitive,
        never_extractable: !last.extractable,
        generation_mechanism: new_version::generation_mechanism(key_type),
        unwrapped_by_untrusted: false,
        trusted: false,
        ever_trusted: false,
        copied: false,
        ..last.clone()
    };
    if let Some(public) = &mut policy.public {
        public.trusted = false;
    }
    policy.set_origin(Origin::Generated);
    policy
}
