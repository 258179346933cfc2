//! `softkeep.v1.Access`.

use softkeep_proto::{
    limits::MAX_PIN_FAILURES,
    v1::{self, access_server::Access},
};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Services, vault_name};
use crate::{
    error::Result,
    id::Id,
    identity::UserType,
    ops::{
        get_token::{GetToken, TokenView},
        set_pin::SetPin,
        unlock_token::UnlockToken,
    },
};

fn set_pin(vault: String, user_type: UserType, pin: String) -> Result<SetPin> {
    let new_pin = Zeroizing::new(pin.into_bytes());
    Ok(SetPin { vault: vault_name(vault)?, user_type, old_pin: None, new_pin })
}

#[tonic::async_trait]
impl Access for Services {
    async fn set_so_pin(
        &self,
        request: Request<v1::SetSoPinRequest>,
    ) -> std::result::Result<Response<v1::Token>, Status> {
        let show = again(&request, &request.get_ref().vault);
        self.run(request, |request| set_pin(request.vault, UserType::SecurityOfficer, request.pin)).await?;
        self.get_token(show).await
    }

    async fn set_pin(&self, request: Request<v1::SetPinRequest>) -> std::result::Result<Response<v1::Token>, Status> {
        let show = again(&request, &request.get_ref().vault);
        self.run(request, |request| set_pin(request.vault, UserType::User, request.pin)).await?;
        self.get_token(show).await
    }

    async fn unlock_token(
        &self,
        request: Request<v1::UnlockTokenRequest>,
    ) -> std::result::Result<Response<v1::Token>, Status> {
        let show = again(&request, &request.get_ref().vault);
        let parse = |request: v1::UnlockTokenRequest| {
            let peer = Some(request.peer).filter(|peer| !peer.is_empty());
            Ok(UnlockToken { vault: vault_name(request.vault)?, peer })
        };
        self.run(request, parse).await?;
        self.get_token(show).await
    }

    async fn get_token(
        &self,
        request: Request<v1::GetTokenRequest>,
    ) -> std::result::Result<Response<v1::Token>, Status> {
        let token = self.run(request, |request| vault_name(request.vault).map(GetToken)).await?;
        Ok(Response::new(show(token)))
    }

    async fn sign_in(&self, _: Request<v1::SignInRequest>) -> std::result::Result<Response<v1::AccessToken>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn begin_device_sign_in(&self, _: Request<v1::BeginDeviceSignInRequest>) -> std::result::Result<Response<v1::DeviceSignIn>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn approve_device_sign_in(&self, _: Request<v1::ApproveDeviceSignInRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn sign_out(&self, _: Request<v1::SignOutRequest>) -> std::result::Result<Response<v1::SignOutReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn who_am_i(&self, _: Request<v1::WhoAmIRequest>) -> std::result::Result<Response<v1::WhoAmIReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn create_principal(&self, _: Request<v1::CreatePrincipalRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_principal(&self, _: Request<v1::GetPrincipalRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_principals(&self, _: Request<v1::ListPrincipalsRequest>) -> std::result::Result<Response<v1::ListPrincipalsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn update_principal(&self, _: Request<v1::UpdatePrincipalRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn add_credential(&self, _: Request<v1::AddCredentialRequest>) -> std::result::Result<Response<v1::AddCredentialReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn remove_credential(&self, _: Request<v1::RemoveCredentialRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_principal(&self, _: Request<v1::DeletePrincipalRequest>) -> std::result::Result<Response<v1::Principal>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_role_definitions(&self, _: Request<v1::ListRoleDefinitionsRequest>) -> std::result::Result<Response<v1::ListRoleDefinitionsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_role_definition(&self, _: Request<v1::SetRoleDefinitionRequest>) -> std::result::Result<Response<v1::RoleDefinition>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_role_definition(&self, _: Request<v1::DeleteRoleDefinitionRequest>) -> std::result::Result<Response<v1::RoleDefinition>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn create_role_assignment(&self, _: Request<v1::CreateRoleAssignmentRequest>) -> std::result::Result<Response<v1::RoleAssignment>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn list_role_assignments(&self, _: Request<v1::ListRoleAssignmentsRequest>) -> std::result::Result<Response<v1::ListRoleAssignmentsReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn delete_role_assignment(&self, _: Request<v1::DeleteRoleAssignmentRequest>) -> std::result::Result<Response<v1::RoleAssignment>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn explain_policy(&self, _: Request<v1::ExplainPolicyRequest>) -> std::result::Result<Response<v1::ExplainPolicyReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }
}

/// The same caller's request for what the token is now.
fn again<T>(request: &Request<T>, vault: &str) -> Request<v1::GetTokenRequest> {
    let mut again = Request::new(v1::GetTokenRequest { vault: vault.to_owned() });
    *again.extensions_mut() = request.extensions().clone();
    again
}

fn show(token: TokenView) -> v1::Token {
    let record = &token.vault.record;
    let failure = |((user_type, peer), count): ((String, String), u32)| v1::PinFailures {
        peer,
        user_type,
        count,
        locked: count >= MAX_PIN_FAILURES,
    };
    v1::Token {
        vault: record.name.clone(),
        label: record.name.clone(),
        serial: serial(token.vault.id),
        slot_id: record.slot_id,
        user_pin_set: record.user_pin.is_some(),
        so_pin_set: record.so_pin.is_some(),
        failures: token.failures.into_iter().map(failure).collect(),
    }
}

/// CK_TOKEN_INFO.serialNumber has 16 characters: the first half of the vault's id.
pub fn serial(vault: Id) -> String {
    let mut serial = vault.to_string();
    serial.truncate(16);
    serial
}
