//! `softkeep.v1.Vaults`.

use softkeep_proto::v1::{self, vaults_server::Vaults};
use tonic::{Request, Response, Status};

use super::{Services, page_size, status, vault_name};
use crate::{
    error::{Error, ErrorCode},
    ops::{create_vault::CreateVault, delete_vault::DeleteVault, get_vault::GetVault, list_vaults::ListVaults},
    policy::VaultRef,
};

#[tonic::async_trait]
impl Vaults for Services {
    async fn create_vault(&self, request: Request<v1::CreateVaultRequest>) -> Result<Response<v1::Vault>, Status> {
        let publish_by_default = self.about.dev_mode;
        let vault = self.run(request, |request| CreateVault::parse(request, publish_by_default)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn get_vault(&self, request: Request<v1::GetVaultRequest>) -> Result<Response<v1::Vault>, Status> {
        let vault = self.run(request, |request| vault_name(request.name).map(GetVault)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn list_vaults(
        &self,
        request: Request<v1::ListVaultsRequest>,
    ) -> Result<Response<v1::ListVaultsReply>, Status> {
        let (size, token) = (page_size(request.get_ref().page_size), request.get_ref().page_token.clone());
        let vaults = self.run(request, |_| Ok(ListVaults)).await?;
        // The token is the slot id to go on after: slot ids only grow.
        let after = match token.as_str() {
            "" => None,
            token => {
                let invalid =
                    |_| status::of(Error::new(ErrorCode::InvalidArgument, "the page token is not of this list"));
                Some(token.parse::<u64>().map_err(invalid)?)
            }
        };
        let mut rest = vaults.iter().filter(|vault| after.is_none_or(|after| vault.record.slot_id > after));
        let page: Vec<_> = rest.by_ref().take(size).map(|vault| self.show(vault)).collect();
        let next = page.last().map(|vault| vault.slot_id.to_string()).filter(|_| rest.next().is_some());
        Ok(Response::new(v1::ListVaultsReply { vaults: page, next_page_token: next.unwrap_or_default() }))
    }

    async fn delete_vault(&self, request: Request<v1::DeleteVaultRequest>) -> Result<Response<v1::Vault>, Status> {
        let vault = self.run(request, |request| vault_name(request.name).map(DeleteVault)).await?;
        Ok(Response::new(self.show(&vault)))
    }

    async fn update_vault(&self, _: Request<v1::UpdateVaultRequest>) -> std::result::Result<Response<v1::Vault>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_deleted_vaults(&self, _: Request<v1::ListVaultsRequest>) -> std::result::Result<Response<v1::ListVaultsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_deleted_vault(&self, _: Request<v1::GetVaultRequest>) -> std::result::Result<Response<v1::Vault>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn recover_vault(&self, _: Request<v1::RecoverVaultRequest>) -> std::result::Result<Response<v1::Vault>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn purge_vault(&self, _: Request<v1::PurgeVaultRequest>) -> std::result::Result<Response<v1::PurgeVaultReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn check_vault_name(&self, _: Request<v1::CheckVaultNameRequest>) -> std::result::Result<Response<v1::CheckVaultNameReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_access_policy(&self, _: Request<v1::SetAccessPolicyRequest>) -> std::result::Result<Response<v1::Vault>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_access_policy(&self, _: Request<v1::DeleteAccessPolicyRequest>) -> std::result::Result<Response<v1::Vault>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn create_group(&self, _: Request<v1::CreateGroupRequest>) -> std::result::Result<Response<v1::Group>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_group(&self, _: Request<v1::GetGroupRequest>) -> std::result::Result<Response<v1::Group>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_groups(&self, _: Request<v1::ListGroupsRequest>) -> std::result::Result<Response<v1::ListGroupsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_group(&self, _: Request<v1::DeleteGroupRequest>) -> std::result::Result<Response<v1::Group>, Status> {
        Err(Status::unimplemented("not here yet"))
    }
}

impl Services {
    fn show(&self, vault: &VaultRef) -> v1::Vault {
        let record = &vault.record;
        let rooms = self.pipeline.unsealed().ok();
        let revision = rooms.and_then(|rooms| rooms.keys.catalog.view().vault(vault.id).map(|vault| vault.revision));
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
            wrapping: if record.wrapping.is_empty() { "guarded".into() } else { record.wrapping.clone() },
            publish_certificates: record.publish_certificates,
            user_pin_set: record.user_pin.is_some(),
            so_pin_set: record.so_pin.is_some(),
            revision: revision.unwrap_or_default(),
            ..v1::Vault::default()
        }
    }
}
