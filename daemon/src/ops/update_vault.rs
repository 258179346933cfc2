//! Changes what a field mask names of a vault's settings.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::v1;

use super::{
    Audited, Operation, names,
    vault_settings::{self as settings, VaultChange},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        ledger::Entry,
        record::{AccessPolicyRecord, NetworkRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef, profile::Profile},
    workers::Lane,
};

/// What is to be changed, in which vault.
pub struct UpdateVault {
    vault: VaultName,
    changes: Vec<Change>,
}

enum Change {
    Tags(BTreeMap<String, String>),
    Sku(String),
    RetentionDays(u32),
    PurgeProtection(bool),
    Rbac(bool),
    ForDeployment(bool),
    ForDiskEncryption(bool),
    ForTemplateDeployment(bool),
    Network(Option<NetworkRecord>),
    PublicNetworkAccess(String),
    PublishCertificates(bool),
    PublishSecrets(bool),
    AccessPolicies(Vec<AccessPolicyRecord>),
    Wrapping(String),
}

impl UpdateVault {
    /// Reads what the mask names, and nothing else.
    pub fn parse(vault: VaultName, request: v1::UpdateVaultRequest) -> Result<Self> {
        let told = request.vault.unwrap_or_default();
        let paths = request.update_mask.unwrap_or_default().paths;
        if paths.is_empty() {
            return Err(invalid("the update mask names nothing to change"));
        }
        let changes = paths.iter().map(|path| Change::parse(path, &told)).collect::<Result<_>>()?;
        Ok(Self { vault, changes })
    }

    fn decides_access(&self) -> bool {
        self.changes.iter().any(Change::decides_access)
    }
}

impl Change {
    fn parse(path: &str, told: &v1::Vault) -> Result<Self> {
        Ok(match path {
            "tags" => {
                let tags = told.tags.clone().into_iter().collect();
                names::check_tags(&tags)?;
                Self::Tags(tags)
            }
            "sku" => Self::Sku(settings::sku(&told.sku)?),
            "soft_delete_retention_days" => {
                Self::RetentionDays(settings::retention_days(told.soft_delete_retention_days)?)
            }
            "purge_protection" => Self::PurgeProtection(told.purge_protection),
            "authorization" => {
                let rbac = settings::rbac(&told.authorization)?;
                Self::Rbac(rbac.ok_or_else(|| invalid("the authorization is 'access-policy' or 'rbac'"))?)
            }
            "enabled_for_deployment" => Self::ForDeployment(told.enabled_for_deployment),
            "enabled_for_disk_encryption" => Self::ForDiskEncryption(told.enabled_for_disk_encryption),
            "enabled_for_template_deployment" => Self::ForTemplateDeployment(told.enabled_for_template_deployment),
            "network_rules" => Self::Network(told.network_rules.clone().map(settings::network).transpose()?),
            "public_network_access" => {
                Self::PublicNetworkAccess(settings::public_network_access(&told.public_network_access)?)
            }
            "publish_certificates" => Self::PublishCertificates(told.publish_certificates),
            "publish_secrets" => Self::PublishSecrets(told.publish_secrets),
            "access_policies" => Self::AccessPolicies(settings::access_policies(told.access_policies.clone())?),
            // Which of the two fit depends on the vault's profile.
            "wrapping" => Self::Wrapping(settings::wrapping(&told.wrapping, Profile::Standard)?.name().into()),
            _ => return Err(invalid(format!("'{path}' of a vault cannot be changed"))),
        })
    }

    /// Whether it decides who may do what in the vault, or what its PIN user gets out of it, which is a right of its own.
    fn decides_access(&self) -> bool {
        matches!(self, Self::AccessPolicies(_) | Self::Rbac(_) | Self::Wrapping(_) | Self::PublishSecrets(_))
    }

    fn apply(&self, vault: &Vault, cluster: Id, record: &mut VaultRecord) -> Result<()> {
        match self {
            Self::Tags(tags) => record.tags = tags.clone(),
            Self::Sku(sku) => {
                if sku == "standard" && has_hsm_keys(vault) {
                    let detail = "the vault has keys of HSM types, which need the SKU 'premium'";
                    return Err(Error::new(ErrorCode::SkuNotSupported, detail));
                }
                record.sku = sku.clone();
            }
            Self::RetentionDays(days) if *days == record.soft_delete_retention_days => {}
            Self::RetentionDays(_) => {
                return Err(invalid("the retention is fixed when the vault is made and cannot be changed"));
            }
            Self::PurgeProtection(true) => record.purge_protection = true,
            Self::PurgeProtection(false) if !record.purge_protection => {}
            Self::PurgeProtection(false) => {
                return Err(invalid("purge protection is there to stay: it cannot be turned off"));
            }
            Self::Rbac(rbac) => record.rbac = *rbac,
            Self::ForDeployment(enabled) => record.enabled_for_deployment = *enabled,
            Self::ForDiskEncryption(enabled) => record.enabled_for_disk_encryption = *enabled,
            Self::ForTemplateDeployment(enabled) => record.enabled_for_template_deployment = *enabled,
            Self::Network(network) => record.network = network.clone(),
            Self::PublicNetworkAccess(access) => record.public_network_access = access.clone(),
            Self::PublishCertificates(publish) => record.publish_certificates = *publish,
            Self::PublishSecrets(publish) => record.publish_secrets = *publish,
            Self::AccessPolicies(policies) => {
                record.access_policies = settings::with_pin_entries(cluster, vault.id, policies.clone());
            }
            Self::Wrapping(rule) => {
                let profile = Profile::by_name(&record.profile).unwrap_or(Profile::Strict);
                record.wrapping = settings::wrapping(rule, profile)?.name().into();
            }
        }
        Ok(())
    }
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, what)
}

fn has_hsm_keys(vault: &Vault) -> bool {
    vault.keys.values().flat_map(|key| &key.versions).any(|version| version.record.hsm)
}

impl Operation for UpdateVault {
    const NAME: &'static str = "vault.update";
    const PERMISSION: Permission = Permission::WriteVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = VaultRef;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn permission(&self) -> Permission {
        if self.decides_access() { Permission::WriteAccessPolicy } else { Permission::WriteVault }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<VaultRef> {
        let id = grant.vault()?.id;
        let operation = grant.operation();
        let by = VaultChange::by(grant.caller());
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            // A mask that names both kinds needs both rights.
            if !operation.changes.iter().all(Change::decides_access) {
                rooms.policy.check(&view, grant.caller(), Some(vault), Permission::WriteVault)?;
            }
            let mut record = VaultRecord::clone(&vault.record);
            operation.changes.iter().try_for_each(|change| change.apply(vault, keys.cluster, &mut record))?;
            let record = Arc::new(by.stamp(record));
            Ok((vec![Entry::put(row::vault(id), &*record)], VaultRef { id, record }))
        })
    }
}
