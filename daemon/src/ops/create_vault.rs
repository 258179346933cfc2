//! Makes a vault with a key-encryption key of its own.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::{location, v1::CreateVaultRequest};

use super::{
    Audited, Operation, Remark, names,
    vault_settings::{self as settings, VaultChange},
};
use crate::{
    clock,
    config::Authorization,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType, pin_object_id},
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::{AccessPolicyRecord, KekRecord, NetworkRecord, VaultRecord, row},
        seal,
    },
    pipeline::Unsealed,
    policy::{
        Authorized, Permission, Place, VaultRef,
        profile::{Profile, WrappingRule},
    },
    workers::Lane,
};

/// A new vault.
pub struct CreateVault {
    /// Its name, legal.
    name: String,
    /// Empty for the group's.
    location: String,
    /// Empty for none; else it must be there.
    group: String,
    sku: String,
    tags: BTreeMap<String, String>,
    retention_days: u32,
    profile: Profile,
    wrapping: WrappingRule,
    publish_certificates: bool,
    publish_secrets: bool,
    purge_protection: bool,
    for_deployment: bool,
    for_disk_encryption: bool,
    for_template_deployment: bool,
    rbac: Option<bool>,
    access_policies: Vec<AccessPolicyRecord>,
    no_self_permissions: bool,
    network: Option<NetworkRecord>,
    public_network_access: String,
    request_id: String,
}

impl CreateVault {
    /// Checks what the caller asks for. Empty texts and 0 mean the defaults.
    pub fn parse(request: CreateVaultRequest, publish_by_default: bool) -> Result<Self> {
        names::check_vault_name(&request.name)?;
        names::check_request_id(&request.request_id)?;
        let tags: BTreeMap<_, _> = request.tags.into_iter().collect();
        names::check_tags(&tags)?;
        let profile = if request.profile.is_empty() { Profile::Standard.name() } else { &request.profile };
        let profile = Profile::by_name(profile)
            .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "the profile is 'standard' or 'strict'"))?;
        if !request.resource_group.is_empty() {
            settings::check_group_name(&request.resource_group)?;
        }
        Ok(Self {
            name: request.name,
            location: settings::location(&request.location)?,
            group: request.resource_group,
            sku: settings::sku(&request.sku)?,
            tags,
            retention_days: settings::retention_days(request.soft_delete_retention_days)?,
            profile,
            wrapping: settings::wrapping(&request.wrapping, profile)?,
            publish_certificates: request.publish_certificates.unwrap_or(publish_by_default),
            publish_secrets: request.publish_secrets,
            purge_protection: request.purge_protection,
            for_deployment: request.enabled_for_deployment,
            for_disk_encryption: request.enabled_for_disk_encryption,
            for_template_deployment: request.enabled_for_template_deployment,
            rbac: settings::rbac(&request.authorization)?,
            access_policies: settings::access_policies(request.access_policies)?,
            no_self_permissions: request.no_self_permissions,
            network: request.network_rules.map(settings::network).transpose()?,
            public_network_access: settings::public_network_access(&request.public_network_access)?,
            request_id: request.request_id,
        })
    }

    fn record(&self, view: &View, id: Id, slot_id: u64, maker: &Maker) -> Result<VaultRecord> {
        let now = clock::now_seconds();
        let group = match self.group.as_str() {
            "" => None,
            name => Some(view.directory.groups.get(&name.to_ascii_lowercase()).ok_or_else(|| no_group(name))?),
        };
        let place = [self.location.as_str(), group.map_or("", |group| &group.location), location::LOCAL];
        let record = VaultRecord {
            id: id.0.to_vec(),
            name: self.name.clone(),
            slot_id,
            created: now,
            location: place.into_iter().find(|place| !place.is_empty()).unwrap_or_default().into(),
            resource_group: group.map(|group| group.name.clone()).unwrap_or_default(),
            sku: self.sku.clone(),
            tags: self.tags.clone(),
            soft_delete_retention_days: self.retention_days,
            profile: self.profile.name().into(),
            publish_certificates: self.publish_certificates,
            publish_secrets: self.publish_secrets,
            kek_version: 1,
            request_id: self.request_id.clone(),
            wrapping: self.wrapping.name().into(),
            purge_protection: self.purge_protection,
            enabled_for_deployment: self.for_deployment,
            enabled_for_disk_encryption: self.for_disk_encryption,
            enabled_for_template_deployment: self.for_template_deployment,
            rbac: self.rbac.unwrap_or(maker.rbac_by_default),
            access_policies: self.entries(id, maker),
            network: self.network.clone(),
            public_network_access: self.public_network_access.clone(),
            created_by: maker.caller.principal_name(),
            ..VaultRecord::default()
        };
        Ok(VaultChange::by(maker.caller).stamp(record))
    }

    /// The access policies to begin with: the two PIN users', the maker's, and those that were asked for, which win.
    fn entries(&self, id: Id, maker: &Maker) -> Vec<AccessPolicyRecord> {
        let all = || vec!["all".to_owned()];
        let pin = |user_type, keys| AccessPolicyRecord {
            object_id: pin_object_id(maker.cluster, user_type, id).0.to_vec(),
            keys,
            ..AccessPolicyRecord::default()
        };
        let mut entries = vec![pin(UserType::User, all()), pin(UserType::SecurityOfficer, Vec::new())];
        if let Some(object_id) = maker.caller.object_id(maker.cluster).filter(|_| !self.no_self_permissions) {
            let (keys, secrets, certificates, storage) = (all(), all(), all(), all());
            let object_id = object_id.0.to_vec();
            entries.push(AccessPolicyRecord {
                object_id,
                keys,
                secrets,
                certificates,
                storage,
                ..AccessPolicyRecord::default()
            });
        }
        let is_asked_for = |entry: &AccessPolicyRecord| {
            self.access_policies.iter().any(|asked| settings::same_principal(asked, entry))
        };
        entries.retain(|entry| !is_asked_for(entry));
        entries.extend(self.access_policies.iter().cloned());
        entries
    }
}

/// Who makes a vault, and in which daemon.
struct Maker<'a> {
    caller: &'a Caller,
    cluster: Id,
    /// Whether roles decide in a vault of which nobody says it.
    rbac_by_default: bool,
}

impl Operation for CreateVault {
    const NAME: &'static str = "vault.create";
    const PERMISSION: Permission = Permission::WriteVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        match self.group.as_str() {
            "" => Place::Daemon,
            group => Place::Group(group.to_owned()),
        }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn remark(vault: &VaultRef) -> Remark {
        Remark { detail: Some(format!("the vault '{}'", vault.record.name)), ..Remark::default() }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        write(rooms, grant.operation(), grant.caller(), |_, _, _| {})
    }
}

/// Writes a vault with a key-encryption key of its own. `adjust` has the last word on its record.
pub fn write(
    rooms: &Unsealed,
    operation: &CreateVault,
    caller: &Caller,
    adjust: impl FnOnce(&View, Id, &mut VaultRecord),
) -> Result<VaultRef> {
    let keys = &rooms.keys;
    let (id, kek) = (Id::random()?, seal::random_secret()?);
    let rbac_by_default = rooms.new_vaults.authorization == Authorization::Rbac;
    let maker = Maker { caller, cluster: keys.cluster, rbac_by_default };
    keys.write(|counters| {
        let view = keys.catalog.view();
        if let Some(vault) = view.vault_named(&operation.name) {
            let repeated = !operation.request_id.is_empty() && vault.record.request_id == operation.request_id;
            if repeated {
                return Ok((vec![], VaultRef { id: vault.id, record: vault.record.clone() }));
            }
        }
        let mut record = operation.record(&view, id, counters.take_slot(), &maker)?;
        adjust(&view, id, &mut record);
        check_free(&view, &record.name)?;
        let kek = KekRecord { version: 1, wrapped: keys.root.wrap_kek(&id.0, 1, &kek)? };
        let entries = vec![Entry::put(row::vault(id), &record), Entry::put(row::kek(id), &kek)];
        Ok((entries, VaultRef { id, record: Arc::new(record) }))
    })
}

/// Whether a vault may have a name; the error says who has it.
pub fn check_free(view: &View, name: &str) -> Result<()> {
    if view.deleted_vault(name).is_some() {
        let detail = format!("the deleted vault '{name}' has the name until it is recovered or purged");
        return Err(Error::new(ErrorCode::NameDeleted, detail));
    }
    if view.is_vault_name_taken(name) {
        return Err(Error::new(ErrorCode::AlreadyExists, format!("the vault name '{name}' is taken")));
    }
    Ok(())
}

/// The group that somebody named is not there.
pub fn no_group(name: &str) -> Error {
    Error::new(ErrorCode::GroupNotFound, format!("no group '{name}'"))
}
