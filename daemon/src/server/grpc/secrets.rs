//! `softkeep.v1.Secrets`.

use softkeep_proto::v1::{self, secrets_server::Secrets};
use tonic::{Request, Response, Status};

use super::{
    Services,
    identifiers::{kid, recovery_level, version_id},
    page_size, vault_name,
};
use crate::{
    error::{Error, ErrorCode},
    id::Id,
    ops::{
        backup_secret::BackupSecret,
        delete_secret::DeleteSecret,
        get_deleted_secret::GetDeletedSecret,
        get_secret::{GetSecret, SecretView, parse_version},
        list_keys::Page,
        list_secret_versions::ListSecretVersions,
        list_secrets::ListSecrets,
        purge_secret::PurgeSecret,
        recover_secret::RecoverSecret,
        restore_secret::RestoreSecret,
        set_secret::SetSecret,
        update_secret::UpdateSecret,
    },
};

#[tonic::async_trait]
impl Secrets for Services {
    async fn set_secret(&self, request: Request<v1::SetSecretRequest>) -> Result<Response<v1::Secret>, Status> {
        let parse = |mut request: v1::SetSecretRequest| {
            SetSecret::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn get_secret(&self, request: Request<v1::GetSecretRequest>) -> Result<Response<v1::Secret>, Status> {
        let parse = |request: v1::GetSecretRequest| {
            let name = named(request.name)?;
            let version = parse_version(&name, &request.version)?;
            Ok(GetSecret { vault: vault_name(request.vault)?, name, version })
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn list_secrets(
        &self,
        request: Request<v1::ListSecretsRequest>,
    ) -> Result<Response<v1::ListSecretsReply>, Status> {
        self.run(request, |request| list(request, false)).await.map(|page| Response::new(show_page(page)))
    }

    async fn list_secret_versions(
        &self,
        request: Request<v1::ListSecretVersionsRequest>,
    ) -> Result<Response<v1::ListSecretsReply>, Status> {
        let parse = |request: v1::ListSecretVersionsRequest| {
            let limit = page_size(request.page_size);
            let (vault, name) = (vault_name(request.vault)?, named(request.name)?);
            Ok(ListSecretVersions { vault, name, after: request.page_token, limit })
        };
        self.run(request, parse).await.map(|page| Response::new(show_page(page)))
    }

    async fn update_secret(&self, request: Request<v1::UpdateSecretRequest>) -> Result<Response<v1::Secret>, Status> {
        let parse = |mut request: v1::UpdateSecretRequest| {
            request.name = named(request.name)?;
            UpdateSecret::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn backup_secret(
        &self,
        request: Request<v1::BackupSecretRequest>,
    ) -> Result<Response<v1::BackupSecretReply>, Status> {
        let parse = |request: v1::BackupSecretRequest| {
            Ok(BackupSecret { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|backup| Response::new(v1::BackupSecretReply { backup }))
    }

    async fn restore_secret(&self, request: Request<v1::RestoreSecretRequest>) -> Result<Response<v1::Secret>, Status> {
        let parse = |request: v1::RestoreSecretRequest| RestoreSecret::new(vault_name(request.vault)?, request.backup);
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn delete_secret(&self, request: Request<v1::DeleteSecretRequest>) -> Result<Response<v1::Secret>, Status> {
        let parse = |request: v1::DeleteSecretRequest| {
            Ok(DeleteSecret { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn list_deleted_secrets(
        &self,
        request: Request<v1::ListSecretsRequest>,
    ) -> Result<Response<v1::ListSecretsReply>, Status> {
        self.run(request, |request| list(request, true)).await.map(|page| Response::new(show_page(page)))
    }

    async fn get_deleted_secret(
        &self,
        request: Request<v1::GetDeletedSecretRequest>,
    ) -> Result<Response<v1::Secret>, Status> {
        let parse = |request: v1::GetDeletedSecretRequest| {
            Ok(GetDeletedSecret { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn recover_deleted_secret(
        &self,
        request: Request<v1::RecoverDeletedSecretRequest>,
    ) -> Result<Response<v1::Secret>, Status> {
        let parse = |request: v1::RecoverDeletedSecretRequest| {
            Ok(RecoverSecret { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(view)))
    }

    async fn purge_deleted_secret(
        &self,
        request: Request<v1::PurgeDeletedSecretRequest>,
    ) -> Result<Response<v1::PurgeDeletedSecretReply>, Status> {
        let parse = |request: v1::PurgeDeletedSecretRequest| {
            Ok(PurgeSecret::now(vault_name(request.vault)?, named(request.name)?))
        };
        self.run(request, parse).await.map(|()| Response::new(v1::PurgeDeletedSecretReply {}))
    }
}

fn named(name: String) -> crate::error::Result<String> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::InvalidArgument, "no secret is named"));
    }
    Ok(name)
}

fn list(request: v1::ListSecretsRequest, deleted: bool) -> crate::error::Result<ListSecrets> {
    let limit = page_size(request.page_size);
    Ok(ListSecrets { vault: vault_name(request.vault)?, after: request.page_token, limit, deleted })
}

fn show_page(page: Page<SecretView>) -> v1::ListSecretsReply {
    let secrets = page.items.into_iter().map(show).collect();
    v1::ListSecretsReply { secrets, next_page_token: page.next.unwrap_or_default() }
}

fn show(mut view: SecretView) -> v1::Secret {
    let (vault, secret, version) = (&view.vault, &view.secret, &view.version);
    // The record was checked when it was read: its id has 16 bytes.
    let id = Id::from_bytes(&version.id).unwrap_or_default();
    v1::Secret {
        vault: vault.name.clone(),
        name: secret.name.clone(),
        version: id.to_string(),
        id: version_id(&vault.name, "secrets", &secret.name, id),
        content_type: version.content_type.clone(),
        enabled: version.enabled,
        not_before: version.not_before,
        expires: version.expires,
        created: version.created,
        updated: version.updated,
        tags: version.tags.clone().into_iter().collect(),
        recovery_level: recovery_level(vault).into(),
        recoverable_days: vault.soft_delete_retention_days,
        deleted: secret.deleted,
        scheduled_purge: secret.scheduled_purge,
        managed: secret.managed,
        kid: if secret.managed { kid(&vault.name, &secret.name, id) } else { String::new() },
        value: std::mem::take(&mut *view.value),
    }
}
