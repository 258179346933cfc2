//! `softkeep.v1.Certificates`.

use softkeep_proto::v1::{self, certificates_server::Certificates};
use tonic::{Request, Response, Status};

use super::{Services, page_size, vault_name};
use crate::{
    error::{Error, ErrorCode},
    ops::{
        backup_certificate::BackupCertificate, cancel_certificate_operation::CancelCertificateOperation,
        create_certificate::CreateCertificate, delete_certificate::DeleteCertificate,
        delete_certificate_operation::DeleteCertificateOperation, delete_issuer::DeleteIssuer,
        get_certificate::GetCertificate, get_certificate_operation::GetCertificateOperation,
        get_certificate_policy::GetCertificatePolicy, get_contacts::GetContacts,
        get_deleted_certificate::GetDeletedCertificate, get_issuer::GetIssuer, import_certificate::ImportCertificate,
        list_certificate_versions::ListCertificateVersions, list_certificates::ListCertificates,
        list_issuers::ListIssuers, merge_certificate::MergeCertificate, new_certificate::parse_version,
        purge_certificate::PurgeCertificate, recover_certificate::RecoverCertificate,
        restore_certificate::RestoreCertificate, set_certificate_policy::SetCertificatePolicy,
        set_contacts::SetContacts, set_issuer::SetIssuer, update_certificate::UpdateCertificate,
    },
};

mod show;

use show::{contacts, issuer, operation, page, policy_of, show};

#[tonic::async_trait]
impl Certificates for Services {
    async fn create_certificate(
        &self,
        request: Request<v1::CreateCertificateRequest>,
    ) -> Result<Response<v1::CertificateOperation>, Status> {
        let parse = |mut request: v1::CreateCertificateRequest| {
            CreateCertificate::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(operation(&view)))
    }

    async fn import_certificate(
        &self,
        request: Request<v1::ImportCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |mut request: v1::ImportCertificateRequest| {
            ImportCertificate::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn get_certificate(
        &self,
        request: Request<v1::GetCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |request: v1::GetCertificateRequest| {
            let name = named(request.name)?;
            let version = parse_version(&name, &request.version)?;
            Ok(GetCertificate { vault: vault_name(request.vault)?, name, version })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn list_certificates(
        &self,
        request: Request<v1::ListCertificatesRequest>,
    ) -> Result<Response<v1::ListCertificatesReply>, Status> {
        self.run(request, |request| list(request, false)).await.map(|found| Response::new(page(&found)))
    }

    async fn list_certificate_versions(
        &self,
        request: Request<v1::ListCertificateVersionsRequest>,
    ) -> Result<Response<v1::ListCertificatesReply>, Status> {
        let parse = |request: v1::ListCertificateVersionsRequest| {
            let limit = page_size(request.page_size);
            let (vault, name) = (vault_name(request.vault)?, named(request.name)?);
            Ok(ListCertificateVersions { vault, name, after: request.page_token, limit })
        };
        self.run(request, parse).await.map(|found| Response::new(page(&found)))
    }

    async fn update_certificate(
        &self,
        request: Request<v1::UpdateCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |mut request: v1::UpdateCertificateRequest| {
            UpdateCertificate::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn get_certificate_policy(
        &self,
        request: Request<v1::GetCertificatePolicyRequest>,
    ) -> Result<Response<v1::CertificatePolicy>, Status> {
        let parse = |request: v1::GetCertificatePolicyRequest| {
            Ok(GetCertificatePolicy { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(policy_of(&view)))
    }

    async fn set_certificate_policy(
        &self,
        request: Request<v1::SetCertificatePolicyRequest>,
    ) -> Result<Response<v1::CertificatePolicy>, Status> {
        let parse = |request: v1::SetCertificatePolicyRequest| {
            SetCertificatePolicy::parse(vault_name(request.vault)?, named(request.name)?, request.policy)
        };
        self.run(request, parse).await.map(|view| Response::new(policy_of(&view)))
    }

    async fn get_certificate_operation(
        &self,
        request: Request<v1::GetCertificateOperationRequest>,
    ) -> Result<Response<v1::CertificateOperation>, Status> {
        let parse = |request: v1::GetCertificateOperationRequest| {
            Ok(GetCertificateOperation { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(operation(&view)))
    }

    async fn cancel_certificate_operation(
        &self,
        request: Request<v1::CancelCertificateOperationRequest>,
    ) -> Result<Response<v1::CertificateOperation>, Status> {
        let parse = |request: v1::CancelCertificateOperationRequest| {
            Ok(CancelCertificateOperation { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(operation(&view)))
    }

    async fn delete_certificate_operation(
        &self,
        request: Request<v1::DeleteCertificateOperationRequest>,
    ) -> Result<Response<v1::CertificateOperation>, Status> {
        let parse = |request: v1::DeleteCertificateOperationRequest| {
            Ok(DeleteCertificateOperation { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(operation(&view)))
    }

    async fn merge_certificate(
        &self,
        request: Request<v1::MergeCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |mut request: v1::MergeCertificateRequest| {
            MergeCertificate::parse(vault_name(std::mem::take(&mut request.vault))?, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn backup_certificate(
        &self,
        request: Request<v1::BackupCertificateRequest>,
    ) -> Result<Response<v1::BackupCertificateReply>, Status> {
        let parse = |request: v1::BackupCertificateRequest| {
            Ok(BackupCertificate { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|backup| Response::new(v1::BackupCertificateReply { backup }))
    }

    async fn restore_certificate(
        &self,
        request: Request<v1::RestoreCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |request: v1::RestoreCertificateRequest| {
            RestoreCertificate::parse(vault_name(request.vault)?, request.backup)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn delete_certificate(
        &self,
        request: Request<v1::DeleteCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |request: v1::DeleteCertificateRequest| {
            Ok(DeleteCertificate { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn list_deleted_certificates(
        &self,
        request: Request<v1::ListCertificatesRequest>,
    ) -> Result<Response<v1::ListCertificatesReply>, Status> {
        self.run(request, |request| list(request, true)).await.map(|found| Response::new(page(&found)))
    }

    async fn get_deleted_certificate(
        &self,
        request: Request<v1::GetDeletedCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |request: v1::GetDeletedCertificateRequest| {
            Ok(GetDeletedCertificate { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn recover_deleted_certificate(
        &self,
        request: Request<v1::RecoverDeletedCertificateRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let parse = |request: v1::RecoverDeletedCertificateRequest| {
            Ok(RecoverCertificate { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn purge_deleted_certificate(
        &self,
        request: Request<v1::PurgeDeletedCertificateRequest>,
    ) -> Result<Response<v1::PurgeDeletedCertificateReply>, Status> {
        let parse = |request: v1::PurgeDeletedCertificateRequest| {
            Ok(PurgeCertificate::now(vault_name(request.vault)?, named(request.name)?))
        };
        self.run(request, parse).await.map(|()| Response::new(v1::PurgeDeletedCertificateReply {}))
    }

    async fn set_issuer(&self, request: Request<v1::SetIssuerRequest>) -> Result<Response<v1::Issuer>, Status> {
        let parse = |request: v1::SetIssuerRequest| {
            let mut issuer = request
                .issuer
                .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "there is no issuer in the request"))?;
            let vault = vault_name(std::mem::take(&mut issuer.vault))?;
            let mask = request.update_mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
            SetIssuer::parse(vault, issuer, request.password, mask)
        };
        self.run(request, parse).await.map(|view| Response::new(issuer(&view)))
    }

    async fn get_issuer(&self, request: Request<v1::GetIssuerRequest>) -> Result<Response<v1::Issuer>, Status> {
        let parse = |request: v1::GetIssuerRequest| {
            Ok(GetIssuer { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(issuer(&view)))
    }

    async fn list_issuers(
        &self,
        request: Request<v1::ListIssuersRequest>,
    ) -> Result<Response<v1::ListIssuersReply>, Status> {
        let parse = |request: v1::ListIssuersRequest| {
            let limit = page_size(request.page_size);
            Ok(ListIssuers { vault: vault_name(request.vault)?, after: request.page_token, limit })
        };
        let page = self.run(request, parse).await?;
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(v1::ListIssuersReply { issuers: page.items.iter().map(issuer).collect(), next_page_token }))
    }

    async fn delete_issuer(&self, request: Request<v1::DeleteIssuerRequest>) -> Result<Response<v1::Issuer>, Status> {
        let parse = |request: v1::DeleteIssuerRequest| {
            Ok(DeleteIssuer { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(issuer(&view)))
    }

    async fn set_contacts(&self, request: Request<v1::SetContactsRequest>) -> Result<Response<v1::Contacts>, Status> {
        let parse = |request: v1::SetContactsRequest| SetContacts::parse(vault_name(request.vault)?, request.contacts);
        self.run(request, parse).await.map(|vault| Response::new(contacts(&vault)))
    }

    async fn get_contacts(&self, request: Request<v1::GetContactsRequest>) -> Result<Response<v1::Contacts>, Status> {
        let parse = |request: v1::GetContactsRequest| Ok(GetContacts { vault: vault_name(request.vault)? });
        self.run(request, parse).await.map(|vault| Response::new(contacts(&vault)))
    }
}

fn named(name: String) -> crate::error::Result<String> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::InvalidArgument, "nothing is named"));
    }
    Ok(name)
}

fn list(request: v1::ListCertificatesRequest, deleted: bool) -> crate::error::Result<ListCertificates> {
    Ok(ListCertificates {
        vault: vault_name(request.vault)?,
        after: request.page_token,
        limit: page_size(request.page_size),
        deleted,
        include_pending: request.include_pending,
    })
}
