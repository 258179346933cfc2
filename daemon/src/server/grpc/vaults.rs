//! `softkeep.v1.Vaults`.

use softkeep_proto::v1::{self, vaults_server::Vaults};
use tonic::{Request, Response, Status};

use super::{
    Services,
    identifiers::{guid, vault_uri},
    page_size, status, vault_name,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{UserType, pin_object_id, subscription_id, tenant_id},
    keys::{
        catalog::View,
        record::{AccessPolicyRecord, GroupRecord, NetworkRecord},
    },
    ops::{
        check_vault_name::{CheckVaultName, NameCheck},
        create_group::CreateGroup,
        create_vault::CreateVault,
        delete_access_policy::DeleteAccessPolicy,
        delete_group::DeleteGroup,
        delete_vault::DeleteVault,
        get_deleted_vault::GetDeletedVault,
        get_group::GetGroup,
        get_vault::{GetVault, VaultView},
        list_deleted_vaults::ListDeletedVaults,
        list_groups::ListGroups,
        list_vaults::ListVaults,
        purge_vault::PurgeVault,
        recover_vault::RecoverVault,
        set_access_policy::SetAccessPolicy,
        update_vault::UpdateVault,
    },
    policy::{VaultRef, principals},
};

/// What every call answers with.
type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl Vaults for Services {
    async fn create_vault(&self, request: Request<v1::CreateVaultRequest>) -> Answer<v1::Vault> {
        let publish_by_default = self.about.dev_mode;
        let vault = self.run(request, |request| CreateVault::parse(request, publish_by_default)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn get_vault(&self, request: Request<v1::GetVaultRequest>) -> Answer<v1::Vault> {
        let vault = self.run(request, |request| vault_name(request.name).map(GetVault)).await?;
        Ok(Response::new(self.show_view(&vault)))
    }

    async fn list_vaults(&self, request: Request<v1::ListVaultsRequest>) -> Answer<v1::ListVaultsReply> {
        let (size, token) = (page_size(request.get_ref().page_size), request.get_ref().page_token.clone());
        let vaults = self.run(request, |request| Ok(ListVaults { group: request.resource_group })).await?;
        // Slot ids only grow.
        let after = match token.as_str() {
            "" => None,
            token => Some(token.parse::<u64>().map_err(|_| status::of(not_of_this_list()))?),
        };
        let (page, next_page_token) = page(vaults, size, after, |view| view.vault.record.slot_id);
        let vaults = page.iter().map(|view| self.show_view(view)).collect();
        Ok(Response::new(v1::ListVaultsReply { vaults, next_page_token }))
    }

    async fn update_vault(&self, request: Request<v1::UpdateVaultRequest>) -> Answer<v1::Vault> {
        let parse = |request: v1::UpdateVaultRequest| {
            let name = request.vault.as_ref().map(|vault| vault.name.clone()).unwrap_or_default();
            UpdateVault::parse(vault_name(name)?, request)
        };
        let vault = self.run(request, parse).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn delete_vault(&self, request: Request<v1::DeleteVaultRequest>) -> Answer<v1::Vault> {
        let vault = self.run(request, |request| vault_name(request.name).map(DeleteVault)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn list_deleted_vaults(&self, request: Request<v1::ListVaultsRequest>) -> Answer<v1::ListVaultsReply> {
        let (size, token) = (page_size(request.get_ref().page_size), request.get_ref().page_token.clone());
        let vaults = self.run(request, |request| Ok(ListDeletedVaults { group: request.resource_group })).await?;
        let after = Some(token).filter(|token| !token.is_empty());
        let (page, next_page_token) = page(vaults, size, after, |vault| vault.record.name.to_ascii_lowercase());
        let vaults = page.iter().map(|vault| self.show(vault)).collect();
        Ok(Response::new(v1::ListVaultsReply { vaults, next_page_token }))
    }

    async fn get_deleted_vault(&self, request: Request<v1::GetVaultRequest>) -> Answer<v1::Vault> {
        let vault = self.run(request, |request| named(request.name, "vault").map(GetDeletedVault)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn recover_vault(&self, request: Request<v1::RecoverVaultRequest>) -> Answer<v1::Vault> {
        let vault = self.run(request, |request| named(request.name, "vault").map(RecoverVault)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn purge_vault(&self, request: Request<v1::PurgeVaultRequest>) -> Answer<v1::PurgeVaultReply> {
        let parse = |request: v1::PurgeVaultRequest| {
            Ok(PurgeVault { name: named(request.name, "vault")?, only_when_due: false })
        };
        self.run(request, parse).await?;
        Ok(Response::new(v1::PurgeVaultReply {}))
    }

    async fn check_vault_name(&self, request: Request<v1::CheckVaultNameRequest>) -> Answer<v1::CheckVaultNameReply> {
        let check = self.run(request, |request| Ok(CheckVaultName(request.name))).await?;
        let (available, reason, message) = match check {
            NameCheck::Available => (true, "", String::new()),
            NameCheck::Invalid(error) => (false, "AccountNameInvalid", error.detail),
            NameCheck::Taken(error) => (false, "AlreadyExists", error.detail),
        };
        Ok(Response::new(v1::CheckVaultNameReply { available, reason: reason.into(), message }))
    }

    async fn set_access_policy(&self, request: Request<v1::SetAccessPolicyRequest>) -> Answer<v1::Vault> {
        let parse = |mut request: v1::SetAccessPolicyRequest| {
            let vault = vault_name(std::mem::take(&mut request.vault))?;
            SetAccessPolicy::parse(vault, request)
        };
        let vault = self.run(request, parse).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn delete_access_policy(&self, request: Request<v1::DeleteAccessPolicyRequest>) -> Answer<v1::Vault> {
        let parse = |request: v1::DeleteAccessPolicyRequest| {
            let (vault, principal) = (vault_name(request.vault)?, named(request.principal, "principal")?);
            Ok(DeleteAccessPolicy { vault, principal, application: request.application_id })
        };
        let vault = self.run(request, parse).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn create_group(&self, request: Request<v1::CreateGroupRequest>) -> Answer<v1::Group> {
        let group = self.run(request, CreateGroup::parse).await?;
        Ok(Response::new(self.show_group(&group)))
    }

    async fn get_group(&self, request: Request<v1::GetGroupRequest>) -> Answer<v1::Group> {
        let group = self.run(request, |request| named(request.name, "group").map(GetGroup)).await?;
        Ok(Response::new(self.show_group(&group)))
    }

    async fn list_groups(&self, request: Request<v1::ListGroupsRequest>) -> Answer<v1::ListGroupsReply> {
        let (size, token) = (page_size(request.get_ref().page_size), request.get_ref().page_token.clone());
        let groups = self.run(request, |_| Ok(ListGroups)).await?;
        let after = Some(token).filter(|token| !token.is_empty());
        let (page, next_page_token) = page(groups, size, after, |group| group.name.to_ascii_lowercase());
        let groups = page.iter().map(|group| self.show_group(group)).collect();
        Ok(Response::new(v1::ListGroupsReply { groups, next_page_token }))
    }

    async fn delete_group(&self, request: Request<v1::DeleteGroupRequest>) -> Answer<v1::Group> {
        let group = self.run(request, |request| named(request.name, "group").map(DeleteGroup)).await?;
        Ok(Response::new(self.show_group(&group)))
    }
}

impl Services {
    /// A vault with all its settings, for who may read them.
    pub(super) fn show(&self, vault: &VaultRef) -> v1::Vault {
        let record = &vault.record;
        let rooms = self.pipeline.unsealed().ok();
        let view = rooms.as_ref().map(|rooms| rooms.keys.catalog.view());
        let revision = view.as_ref().and_then(|view| Some(view.vault(vault.id)?.revision));
        let cluster = rooms.as_ref().map(|rooms| rooms.keys.cluster).unwrap_or_default();
        let principal = |entry: &AccessPolicyRecord| principal_name(view.as_deref(), cluster, vault.id, entry);
        v1::Vault {
            name: record.name.clone(),
            id: vault.id.to_string(),
            slot_id: record.slot_id,
            created: record.created,
            updated: record.updated,
            location: record.location.clone(),
            resource_group: record.resource_group.clone(),
            sku: record.sku.clone(),
            tags: record.tags.clone().into_iter().collect(),
            soft_delete_retention_days: record.soft_delete_retention_days,
            profile: record.profile.clone(),
            publish_certificates: record.publish_certificates,
            user_pin_set: record.user_pin.is_some(),
            so_pin_set: record.so_pin.is_some(),
            revision: revision.unwrap_or_default(),
            wrapping: if record.wrapping.is_empty() { "guarded".into() } else { record.wrapping.clone() },
            purge_protection: record.purge_protection,
            enabled_for_deployment: record.enabled_for_deployment,
            enabled_for_disk_encryption: record.enabled_for_disk_encryption,
            enabled_for_template_deployment: record.enabled_for_template_deployment,
            authorization: if record.rbac { "rbac" } else { "access-policy" }.into(),
            access_policies: record.access_policies.iter().map(|entry| show_policy(entry, principal(entry))).collect(),
            network_rules: record.network.clone().map(show_network),
            public_network_access: or(&record.public_network_access, "Enabled"),
            vault_uri: format!("{}/", vault_uri(&record.name)),
            deleted: record.deleted,
            scheduled_purge: record.scheduled_purge,
            subscription_id: guid(subscription_id(cluster)),
            tenant_id: guid(tenant_id(cluster)),
            created_by: record.created_by.clone(),
            updated_by: record.updated_by.clone(),
            publish_secrets: record.publish_secrets,
        }
    }

    /// A vault as one caller sees it: without its settings, where it is only a token to them.
    fn show_view(&self, view: &VaultView) -> v1::Vault {
        let vault = self.show(&view.vault);
        if view.settings {
            return vault;
        }
        v1::Vault {
            tags: std::collections::HashMap::new(),
            access_policies: Vec::new(),
            network_rules: None,
            created_by: String::new(),
            updated_by: String::new(),
            ..vault
        }
    }

    fn show_group(&self, group: &GroupRecord) -> v1::Group {
        let cluster = self.pipeline.unsealed().map(|rooms| rooms.keys.cluster).unwrap_or_default();
        v1::Group {
            name: group.name.clone(),
            location: group.location.clone(),
            tags: group.tags.clone().into_iter().collect(),
            created: group.created,
            subscription_id: guid(subscription_id(cluster)),
        }
    }
}

fn show_policy(entry: &AccessPolicyRecord, principal: String) -> v1::AccessPolicy {
    let shown = |id: &[u8]| Id::from_bytes(id).map(guid).unwrap_or_default();
    v1::AccessPolicy {
        object_id: shown(&entry.object_id),
        application_id: shown(&entry.application_id),
        keys: entry.keys.clone(),
        secrets: entry.secrets.clone(),
        certificates: entry.certificates.clone(),
        storage: entry.storage.clone(),
        principal,
    }
}

/// Who an entry is for, where that is known: a peer's object id tells nothing of the peer.
fn principal_name(view: Option<&View>, cluster: Id, vault: Id, entry: &AccessPolicyRecord) -> String {
    let Ok(id) = Id::from_bytes(&entry.object_id) else { return String::new() };
    for (user_type, name) in [(UserType::User, "pin:user"), (UserType::SecurityOfficer, "pin:so")] {
        if id == pin_object_id(cluster, user_type, vault) {
            return name.into();
        }
    }
    let record = view.and_then(|view| view.directory.principals.get(&id));
    record.map(|record| principals::name_of(record)).unwrap_or_default()
}

fn show_network(network: NetworkRecord) -> v1::NetworkRules {
    let NetworkRecord { default_action, bypass, ip_addresses, subnet_ids } = network;
    v1::NetworkRules { default_action, bypass, ip_addresses, subnet_ids }
}

/// The first of two texts that says something.
fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

/// A name that must be there; what it names is for the operation to find.
fn named(name: String, what: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::InvalidArgument, format!("no {what} is named")));
    }
    Ok(name)
}

fn not_of_this_list() -> Error {
    Error::new(ErrorCode::InvalidArgument, "the page token is not of this list")
}

/// The part of an ordered list that comes after a key, and the key of its last one if there is more.
fn page<T, K: Ord + ToString>(items: Vec<T>, size: usize, after: Option<K>, key: impl Fn(&T) -> K) -> (Vec<T>, String) {
    let mut rest = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let next = page.last().map(|item| key(item).to_string()).filter(|_| rest.next().is_some());
    (page, next.unwrap_or_default())
}
