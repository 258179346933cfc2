//! A vault as it shall be, and the names of what is different.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use prost_types::FieldMask;
use softkeep_proto::v1::{NetworkRules, UpdateVaultRequest, Vault};

use crate::{
    error::{Error, Result},
    generic_update::{Change, boolean, change_tag},
};

/// What can be changed, for the error that refuses anything else.
const KNOWN: &str = "tags.*, properties.sku.name, properties.enabledForDeployment, properties.enabledForDiskEncryption, \
    properties.enabledForTemplateDeployment, properties.enableRbacAuthorization, properties.enablePurgeProtection, \
    properties.publicNetworkAccess, properties.networkAcls.*, properties.softkeep.publishCertificates, \
    properties.softkeep.publishSecrets, properties.softkeep.wrapping";

/// The vault and the mask of the request.
pub struct Editor {
    vault: Vault,
    mask: BTreeSet<&'static str>,
}

/// A setter each: the member and its name in the mask.
macro_rules! setters {
    ($($setter:ident: $member:ident, $kind:ty),* $(,)?) => {
        $(
            #[doc = concat!("Sets `", stringify!($member), "`.")]
            pub fn $setter(&mut self, value: impl Into<$kind>) {
                self.vault.$member = value.into();
                self.mask.insert(stringify!($member));
            }
        )*
    };
}

impl Editor {
    /// Nothing is different yet.
    pub fn of(vault: Vault) -> Self {
        Self { vault, mask: BTreeSet::new() }
    }

    setters! {
        set_authorization: authorization, String,
        set_enabled_for_deployment: enabled_for_deployment, bool,
        set_enabled_for_disk_encryption: enabled_for_disk_encryption, bool,
        set_enabled_for_template_deployment: enabled_for_template_deployment, bool,
        set_public_network_access: public_network_access, String,
        set_publish_certificates: publish_certificates, bool,
        set_publish_secrets: publish_secrets, bool,
        set_purge_protection: purge_protection, bool,
        set_retention_days: soft_delete_retention_days, u32,
        set_tags: tags, HashMap<String, String>,
        set_wrapping: wrapping, String,
    }

    /// Sets the SKU, which has small letters here.
    pub fn set_sku(&mut self, sku: &str) {
        self.vault.sku = sku.to_ascii_lowercase();
        self.mask.insert("sku");
    }

    /// The network rules, to be changed.
    pub fn rules(&mut self) -> &mut NetworkRules {
        self.mask.insert("network_rules");
        self.vault.network_rules.get_or_insert_with(|| NetworkRules {
            default_action: "Allow".to_owned(),
            bypass: "AzureServices".to_owned(),
            ..NetworkRules::default()
        })
    }

    /// One of `--set`, `--add`, `--remove`.
    pub fn apply(&mut self, change: &Change) -> Result<()> {
        if change_tag(&mut self.vault.tags, change)? {
            self.mask.insert("tags");
            return Ok(());
        }
        match change {
            Change::Set(path, value) => self.set(change, path, value),
            Change::Add(path, value) => {
                self.list(change, path)?.push(value.clone());
                Ok(())
            }
            Change::Remove(path, index) => {
                let list = self.list(change, path)?;
                match index {
                    None => list.clear(),
                    Some(index) if *index < list.len() => {
                        list.remove(*index);
                    }
                    Some(index) => return Err(Error::usage(format!("--remove {path} {index}: the list is shorter"))),
                }
                Ok(())
            }
        }
    }

    fn set(&mut self, change: &Change, path: &str, value: &str) -> Result<()> {
        let on = || boolean(change, value);
        match path {
            "properties.sku.name" => self.set_sku(value),
            "properties.enabledForDeployment" => self.set_enabled_for_deployment(on()?),
            "properties.enabledForDiskEncryption" => self.set_enabled_for_disk_encryption(on()?),
            "properties.enabledForTemplateDeployment" => self.set_enabled_for_template_deployment(on()?),
            "properties.enableRbacAuthorization" => self.set_authorization(super::super::authorization(on()?)),
            "properties.enablePurgeProtection" => self.set_purge_protection(on()?),
            "properties.publicNetworkAccess" => self.set_public_network_access(value),
            "properties.networkAcls.defaultAction" => value.clone_into(&mut self.rules().default_action),
            "properties.networkAcls.bypass" => value.clone_into(&mut self.rules().bypass),
            "properties.softDeleteRetentionInDays" => {
                let days =
                    value.parse::<u32>().map_err(|_| Error::usage(format!("--set {path}={value}: not a number")))?;
                self.set_retention_days(days);
            }
            "properties.softkeep.publishCertificates" => self.set_publish_certificates(on()?),
            "properties.softkeep.publishSecrets" => self.set_publish_secrets(on()?),
            "properties.softkeep.wrapping" => self.set_wrapping(value),
            _ => return Err(change.refused(KNOWN)),
        }
        Ok(())
    }

    fn list(&mut self, change: &Change, path: &str) -> Result<&mut Vec<String>> {
        match path {
            "properties.networkAcls.ipRules" => Ok(&mut self.rules().ip_addresses),
            "properties.networkAcls.virtualNetworkRules" => Ok(&mut self.rules().subnet_ids),
            _ => Err(change.refused(KNOWN)),
        }
    }

    /// The request for what is different.
    pub fn request(self) -> UpdateVaultRequest {
        let paths = self.mask.into_iter().map(str::to_owned).collect();
        UpdateVaultRequest { vault: Some(self.vault), update_mask: Some(FieldMask { paths }) }
    }
}
