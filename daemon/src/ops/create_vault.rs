//! Makes a vault with a key-encryption key of its own.

use std::{collections::BTreeMap, sync::Arc};

use super::{Audited, Operation, names};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Version, View},
        ledger::Entry,
        record::{KekRecord, VaultRecord, row},
        seal,
    },
    pipeline::Unsealed,
    policy::{
        Authorized, Permission, Place, VaultRef,
        profile::{Profile, WrappingRule},
    },
    workers::Lane,
};

/// Key Vault's default and bounds, in days.
const DEFAULT_RETENTION_DAYS: u32 = 90;
const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 7..=90;

/// A new vault.
pub struct CreateVault {
    /// Its name, legal.
    name: String,
    location: String,
    resource_group: String,
    sku: String,
    tags: BTreeMap<String, String>,
    retention_days: u32,
    profile: Profile,
    wrapping: WrappingRule,
    publish_certificates: bool,
    request_id: String,
}

impl CreateVault {
    /// Checks what the caller asks for. Empty texts and 0 mean the defaults.
    pub fn parse(request: softkeep_proto::v1::CreateVaultRequest, publish_by_default: bool) -> Result<Self> {
        names::check_vault_name(&request.name)?;
        names::check_request_id(&request.request_id)?;
        let tags: BTreeMap<_, _> = request.tags.into_iter().collect();
        names::check_tags(&tags)?;
        let invalid = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
        let sku = if request.sku.is_empty() { "standard".into() } else { request.sku.to_ascii_lowercase() };
        if !["standard", "premium"].contains(&sku.as_str()) {
            return invalid("the SKU is 'standard' or 'premium'");
        }
        let profile = if request.profile.is_empty() { Profile::Standard.name() } else { &request.profile };
        let Some(profile) = Profile::by_name(profile) else {
            return invalid("the profile is 'standard' or 'strict'");
        };
        let wrapping = if request.wrapping.is_empty() { WrappingRule::Guarded.name() } else { &request.wrapping };
        let Some(wrapping) = WrappingRule::by_name(wrapping) else {
            return invalid("the rule about wrapping is 'guarded' or 'any'");
        };
        if (profile, wrapping) == (Profile::Strict, WrappingRule::Any) {
            return invalid("a vault of profile 'strict' guards its wrapping");
        }
        let retention_days = match request.soft_delete_retention_days {
            0 => DEFAULT_RETENTION_DAYS,
            days if RETENTION_DAYS.contains(&days) => days,
            _ => return invalid("the retention is 7 to 90 days"),
        };
        if request.location.len() > 128 || request.resource_group.len() > 128 {
            return invalid("a location or resource group has at most 128 bytes");
        }
        Ok(Self {
            name: request.name,
            location: request.location,
            resource_group: request.resource_group,
            sku,
            tags,
            retention_days,
            profile,
            wrapping,
            publish_certificates: request.publish_certificates.unwrap_or(publish_by_default),
            request_id: request.request_id,
        })
    }

    fn record(&self, id: Id, slot_id: u64) -> VaultRecord {
        let now = clock::now_seconds();
        VaultRecord {
            id: id.0.to_vec(),
            name: self.name.clone(),
            slot_id,
            created: now,
            updated: now,
            location: self.location.clone(),
            resource_group: self.resource_group.clone(),
            sku: self.sku.clone(),
            tags: self.tags.clone(),
            soft_delete_retention_days: self.retention_days,
            profile: self.profile.name().into(),
            publish_certificates: self.publish_certificates,
            user_pin: None,
            so_pin: None,
            kek_version: 1,
            deleted: None,
            request_id: self.request_id.clone(),
            last_user_epoch: 0,
            wrapping: self.wrapping.name().into(),
            ..VaultRecord::default()
        }
    }
}

impl Operation for CreateVault {
    const NAME: &'static str = "vault.create";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        write(rooms, grant.into_operation(), |_, _, _| {})
    }
}

/// Writes a vault with a key-encryption key of its own. `adjust` has the last word on its record.
pub fn write(
    rooms: &Unsealed,
    operation: CreateVault,
    adjust: impl FnOnce(&View, Id, &mut VaultRecord),
) -> Result<VaultRef> {
    let keys = &rooms.keys;
    let (id, kek) = (Id::random()?, seal::random_secret()?);
    keys.write(|counters| {
        let view = keys.catalog.view();
        if let Some(vault) = view.vault_named(&operation.name) {
            let repeated = !operation.request_id.is_empty() && vault.record.request_id == operation.request_id;
            if repeated {
                return Ok((vec![], VaultRef { id: vault.id, record: vault.record.clone() }));
            }
        }
        let mut record = operation.record(id, counters.take_slot());
        adjust(&view, id, &mut record);
        if view.is_vault_name_taken(&record.name) {
            return Err(Error::new(ErrorCode::AlreadyExists, format!("the vault name '{}' is taken", record.name)));
        }
        let kek = KekRecord { version: 1, wrapped: keys.root.wrap_kek(&id.0, 1, &kek)? };
        let entries = vec![Entry::put(row::vault(id), &record), Entry::put(row::kek(id), &kek)];
        Ok((entries, VaultRef { id, record: Arc::new(record) }))
    })
}
