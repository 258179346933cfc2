//! `softkeep.v1.Certificates`.

use softkeep_proto::v1::{self, certificates_server::Certificates};
use tonic::{Request, Response, Status};

use super::Services;

#[tonic::async_trait]
impl Certificates for Services {
    async fn create_certificate(&self, _: Request<v1::CreateCertificateRequest>) -> std::result::Result<Response<v1::CertificateOperation>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn import_certificate(&self, _: Request<v1::ImportCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_certificate(&self, _: Request<v1::GetCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_certificates(&self, _: Request<v1::ListCertificatesRequest>) -> std::result::Result<Response<v1::ListCertificatesReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_certificate_versions(&self, _: Request<v1::ListCertificateVersionsRequest>) -> std::result::Result<Response<v1::ListCertificatesReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn update_certificate(&self, _: Request<v1::UpdateCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_certificate_policy(&self, _: Request<v1::GetCertificatePolicyRequest>) -> std::result::Result<Response<v1::CertificatePolicy>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_certificate_policy(&self, _: Request<v1::SetCertificatePolicyRequest>) -> std::result::Result<Response<v1::CertificatePolicy>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_certificate_operation(&self, _: Request<v1::GetCertificateOperationRequest>) -> std::result::Result<Response<v1::CertificateOperation>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn cancel_certificate_operation(&self, _: Request<v1::CancelCertificateOperationRequest>) -> std::result::Result<Response<v1::CertificateOperation>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_certificate_operation(&self, _: Request<v1::DeleteCertificateOperationRequest>) -> std::result::Result<Response<v1::CertificateOperation>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn merge_certificate(&self, _: Request<v1::MergeCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn backup_certificate(&self, _: Request<v1::BackupCertificateRequest>) -> std::result::Result<Response<v1::BackupCertificateReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn restore_certificate(&self, _: Request<v1::RestoreCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_certificate(&self, _: Request<v1::DeleteCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_deleted_certificates(&self, _: Request<v1::ListCertificatesRequest>) -> std::result::Result<Response<v1::ListCertificatesReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_deleted_certificate(&self, _: Request<v1::GetDeletedCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn recover_deleted_certificate(&self, _: Request<v1::RecoverDeletedCertificateRequest>) -> std::result::Result<Response<v1::Certificate>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn purge_deleted_certificate(&self, _: Request<v1::PurgeDeletedCertificateRequest>) -> std::result::Result<Response<v1::PurgeDeletedCertificateReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_issuer(&self, _: Request<v1::SetIssuerRequest>) -> std::result::Result<Response<v1::Issuer>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_issuer(&self, _: Request<v1::GetIssuerRequest>) -> std::result::Result<Response<v1::Issuer>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_issuers(&self, _: Request<v1::ListIssuersRequest>) -> std::result::Result<Response<v1::ListIssuersReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_issuer(&self, _: Request<v1::DeleteIssuerRequest>) -> std::result::Result<Response<v1::Issuer>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_contacts(&self, _: Request<v1::SetContactsRequest>) -> std::result::Result<Response<v1::Contacts>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_contacts(&self, _: Request<v1::GetContactsRequest>) -> std::result::Result<Response<v1::Contacts>, Status> {
        Err(Status::unimplemented("not here yet"))
    }
}
