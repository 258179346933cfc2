//! `softkeep.v1.Secrets`.

use softkeep_proto::v1::{self, secrets_server::Secrets};
use tonic::{Request, Response, Status};

use super::Services;

#[tonic::async_trait]
impl Secrets for Services {
    async fn set_secret(&self, _: Request<v1::SetSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_secret(&self, _: Request<v1::GetSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_secrets(&self, _: Request<v1::ListSecretsRequest>) -> std::result::Result<Response<v1::ListSecretsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_secret_versions(&self, _: Request<v1::ListSecretVersionsRequest>) -> std::result::Result<Response<v1::ListSecretsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn update_secret(&self, _: Request<v1::UpdateSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn backup_secret(&self, _: Request<v1::BackupSecretRequest>) -> std::result::Result<Response<v1::BackupSecretReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn restore_secret(&self, _: Request<v1::RestoreSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_secret(&self, _: Request<v1::DeleteSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_deleted_secrets(&self, _: Request<v1::ListSecretsRequest>) -> std::result::Result<Response<v1::ListSecretsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_deleted_secret(&self, _: Request<v1::GetDeletedSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn recover_deleted_secret(&self, _: Request<v1::RecoverDeletedSecretRequest>) -> std::result::Result<Response<v1::Secret>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn purge_deleted_secret(&self, _: Request<v1::PurgeDeletedSecretRequest>) -> std::result::Result<Response<v1::PurgeDeletedSecretReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }
}
