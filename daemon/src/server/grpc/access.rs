//! `softkeep.v1.Access`.

use softkeep_proto::v1::{self, access_server::Access};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Services, page_size, peer, status, vault_name};
use crate::{
    audit::record::Door,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType, devices::DEVICE_POLL_SECONDS},
    keys::record::PrincipalKind,
    ops::{
        Operation, add_credential::AddCredential, approve_device_sign_in::ApproveDeviceSignIn,
        begin_device_sign_in::BeginDeviceSignIn, create_principal::CreatePrincipal,
        create_role_assignment::CreateRoleAssignment, delete_principal::DeletePrincipal,
        delete_role_assignment::DeleteRoleAssignment, delete_role_definition::DeleteRoleDefinition,
        explain_policy::ExplainPolicy, get_principal::GetPrincipal, get_token::GetToken,
        list_principals::ListPrincipals, list_role_assignments::ListRoleAssignments,
        list_role_definitions::ListRoleDefinitions, remove_credential::RemoveCredential, set_pin::SetPin,
        set_role_definition::SetRoleDefinition, sign_in::SignIn, sign_out::SignOut, unlock_token::UnlockToken,
        update_principal::UpdatePrincipal, who_am_i::WhoAmI,
    },
    policy::{principals::parse_guid, scope::Scope},
};

mod show;

pub use show::serial;

/// What every call answers with.
type Answer<T> = std::result::Result<Response<T>, Status>;

fn set_pin(vault: String, user_type: UserType, pin: String) -> Result<SetPin> {
    let new_pin = Zeroizing::new(pin.into_bytes());
    Ok(SetPin { vault: vault_name(vault)?, user_type, old_pin: None, new_pin })
}

/// The longest name of a principal or role; it goes into the audit log whether or not there is such a one.
const MAX_NAME_BYTES: usize = 512;

/// A name that must be there.
fn named(name: String, what: &str) -> Result<String> {
    match name.len() {
        0 => Err(Error::new(ErrorCode::InvalidArgument, format!("no {what} is named"))),
        1..=MAX_NAME_BYTES => Ok(name),
        _ => Err(Error::new(ErrorCode::InvalidArgument, format!("the {what} has more than {MAX_NAME_BYTES} bytes"))),
    }
}

fn credential(request: v1::SignInRequest) -> Result<SignIn> {
    use v1::sign_in_request::Credential;
    let none = || Error::new(ErrorCode::InvalidArgument, "nothing to sign in with");
    Ok(match request.credential.ok_or_else(none)? {
        Credential::Password(given) => SignIn::Password(named(given.name, "user")?, given.password.into()),
        Credential::ClientSecret(given) => SignIn::ClientSecret(named(given.name, "app id")?, given.password.into()),
        Credential::ClientAssertion(given) => {
            SignIn::ClientAssertion(named(given.app_id, "app id")?, given.assertion.into())
        }
        Credential::RefreshToken(token) => SignIn::RefreshToken(token.into()),
        Credential::DeviceCode(code) => SignIn::DeviceCode(code.into()),
    })
}

#[tonic::async_trait]
impl Access for Services {
    async fn set_so_pin(&self, request: Request<v1::SetSoPinRequest>) -> Answer<v1::Token> {
        let show = again(&request, &request.get_ref().vault);
        self.run(request, |request| set_pin(request.vault, UserType::SecurityOfficer, request.pin)).await?;
        self.get_token(show).await
    }

    async fn set_pin(&self, request: Request<v1::SetPinRequest>) -> Answer<v1::Token> {
        let show = again(&request, &request.get_ref().vault);
        self.run(request, |request| set_pin(request.vault, UserType::User, request.pin)).await?;
        self.get_token(show).await
    }

    async fn unlock_token(&self, request: Request<v1::UnlockTokenRequest>) -> Answer<v1::Token> {
        let show = again(&request, &request.get_ref().vault);
        let parse = |request: v1::UnlockTokenRequest| {
            let peer = Some(request.peer).filter(|peer| !peer.is_empty());
            Ok(UnlockToken { vault: vault_name(request.vault)?, peer })
        };
        self.run(request, parse).await?;
        self.get_token(show).await
    }

    async fn get_token(&self, request: Request<v1::GetTokenRequest>) -> Answer<v1::Token> {
        let token = self.run(request, |request| vault_name(request.vault).map(GetToken)).await?;
        Ok(Response::new(show::token(token)))
    }

    async fn sign_in(&self, request: Request<v1::SignInRequest>) -> Answer<v1::AccessToken> {
        let signed_in = self.run_as_peer(request, credential).await?;
        Ok(Response::new(show::access_token(self.cluster()?, signed_in)))
    }

    async fn begin_device_sign_in(&self, request: Request<v1::BeginDeviceSignInRequest>) -> Answer<v1::DeviceSignIn> {
        let begun = self.run_as_peer(request, |_| Ok(BeginDeviceSignIn)).await?;
        let message = format!(
            "To sign in, use a terminal where you are signed in to run softkeep login approve and enter the code {0} to authenticate.",
            begun.user_code
        );
        Ok(Response::new(v1::DeviceSignIn {
            device_code: begun.device_code,
            user_code: begun.user_code,
            message,
            expires: begun.expires,
            interval_seconds: DEVICE_POLL_SECONDS,
        }))
    }

    async fn approve_device_sign_in(&self, request: Request<v1::ApproveDeviceSignInRequest>) -> Answer<v1::Principal> {
        let user = self.run(request, |request| Ok(ApproveDeviceSignIn(request.user_code))).await?;
        Ok(Response::new(show::principal(user)))
    }

    async fn sign_out(&self, request: Request<v1::SignOutRequest>) -> Answer<v1::SignOutReply> {
        let parse = |request: v1::SignOutRequest| {
            Ok(match (request.principal.is_empty(), request.all) {
                (false, _) => SignOut::Principal(named(request.principal, "principal")?),
                (true, true) => SignOut::All,
                (true, false) => SignOut::This,
            })
        };
        self.run(request, parse).await?;
        Ok(Response::new(v1::SignOutReply {}))
    }

    async fn who_am_i(&self, request: Request<v1::WhoAmIRequest>) -> Answer<v1::WhoAmIReply> {
        let caller = self.run(request, |_| Ok(WhoAmI)).await?;
        Ok(Response::new(show::who_am_i(self.cluster()?, caller)))
    }

    async fn create_principal(&self, request: Request<v1::CreatePrincipalRequest>) -> Answer<v1::Principal> {
        let made = self.run(request, CreatePrincipal::parse).await?;
        Ok(Response::new(show::principal(made)))
    }

    async fn get_principal(&self, request: Request<v1::GetPrincipalRequest>) -> Answer<v1::Principal> {
        let parse = |request: v1::GetPrincipalRequest| {
            let vault = if request.vault.is_empty() { None } else { Some(vault_name(request.vault)?) };
            Ok(GetPrincipal { principal: named(request.principal, "principal")?, vault })
        };
        let found = self.run(request, parse).await?;
        Ok(Response::new(show::principal(found)))
    }

    async fn list_principals(&self, request: Request<v1::ListPrincipalsRequest>) -> Answer<v1::ListPrincipalsReply> {
        let parse = |request: v1::ListPrincipalsRequest| {
            let invalid = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
            let kind = match request.kind.as_str() {
                "" => None,
                "User" => Some(PrincipalKind::User),
                "ServicePrincipal" => Some(PrincipalKind::ServicePrincipal),
                _ => return invalid("the kind is 'User' or 'ServicePrincipal'"),
            };
            let after = match request.page_token.as_str() {
                "" => None,
                token => match Id::parse(token) {
                    Ok(id) => Some(id),
                    Err(_) => return invalid("the page token is of another list"),
                },
            };
            let (limit, display_name) = (page_size(request.page_size), request.display_name);
            Ok(ListPrincipals { kind, display_name, after, limit })
        };
        let page = self.run(request, parse).await?;
        Ok(Response::new(v1::ListPrincipalsReply {
            principals: page.items.into_iter().map(show::principal).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn update_principal(&self, request: Request<v1::UpdatePrincipalRequest>) -> Answer<v1::Principal> {
        let changed = self.run(request, UpdatePrincipal::parse).await?;
        Ok(Response::new(show::principal(changed)))
    }

    async fn add_credential(&self, request: Request<v1::AddCredentialRequest>) -> Answer<v1::AddCredentialReply> {
        let added = self.run(request, AddCredential::parse).await?;
        Ok(Response::new(v1::AddCredentialReply {
            principal: Some(show::principal(added.principal)),
            credential: Some(show::credential(&added.credential)),
            password: added.password.map(|password| password.to_string()).unwrap_or_default(),
        }))
    }

    async fn remove_credential(&self, request: Request<v1::RemoveCredentialRequest>) -> Answer<v1::Principal> {
        let parse = |request: v1::RemoveCredentialRequest| {
            Ok(RemoveCredential { principal: named(request.principal, "principal")?, key_id: request.key_id })
        };
        let changed = self.run(request, parse).await?;
        Ok(Response::new(show::principal(changed)))
    }

    async fn delete_principal(&self, request: Request<v1::DeletePrincipalRequest>) -> Answer<v1::Principal> {
        let parse = |request: v1::DeletePrincipalRequest| named(request.principal, "principal").map(DeletePrincipal);
        let deleted = self.run(request, parse).await?;
        Ok(Response::new(show::principal(deleted)))
    }

    async fn list_role_definitions(
        &self,
        request: Request<v1::ListRoleDefinitionsRequest>,
    ) -> Answer<v1::ListRoleDefinitionsReply> {
        let parse = |request: v1::ListRoleDefinitionsRequest| {
            Ok(ListRoleDefinitions { name: request.name, custom_only: request.custom_only })
        };
        let roles = self.run(request, parse).await?;
        let cluster = self.cluster()?;
        let definitions = roles.into_iter().map(|role| show::role(cluster, role)).collect();
        Ok(Response::new(v1::ListRoleDefinitionsReply { definitions }))
    }

    async fn set_role_definition(&self, request: Request<v1::SetRoleDefinitionRequest>) -> Answer<v1::RoleDefinition> {
        let cluster = self.cluster()?;
        let parse = |request: v1::SetRoleDefinitionRequest| {
            SetRoleDefinition::parse(request.definition.unwrap_or_default(), cluster)
        };
        let role = self.run(request, parse).await?;
        Ok(Response::new(show::role(cluster, role)))
    }

    async fn delete_role_definition(
        &self,
        request: Request<v1::DeleteRoleDefinitionRequest>,
    ) -> Answer<v1::RoleDefinition> {
        let role = self.run(request, |request| named(request.role, "role").map(DeleteRoleDefinition)).await?;
        Ok(Response::new(show::role(self.cluster()?, role)))
    }

    async fn create_role_assignment(
        &self,
        request: Request<v1::CreateRoleAssignmentRequest>,
    ) -> Answer<v1::RoleAssignment> {
        let cluster = self.cluster()?;
        let parse = |request: v1::CreateRoleAssignmentRequest| {
            Ok(CreateRoleAssignment {
                role: named(request.role, "role")?,
                principal: named(request.principal, "principal")?,
                scope: Scope::parse(&request.scope, cluster)?,
                id: if request.id.is_empty() { None } else { Some(parse_guid(&request.id)?) },
            })
        };
        let made = self.run(request, parse).await?;
        Ok(Response::new(show::assignment(cluster, made)))
    }

    async fn list_role_assignments(
        &self,
        request: Request<v1::ListRoleAssignmentsRequest>,
    ) -> Answer<v1::ListRoleAssignmentsReply> {
        let cluster = self.cluster()?;
        let parse = |request: v1::ListRoleAssignmentsRequest| {
            let scope = match request.scope.as_str() {
                "" => None,
                scope => Some(Scope::parse(scope, cluster)?),
            };
            Ok(ListRoleAssignments {
                scope,
                principal: request.principal,
                role: request.role,
                include_inherited: request.include_inherited,
                include_below: request.include_below,
            })
        };
        let found = self.run(request, parse).await?;
        let assignments = found.into_iter().map(|one| show::assignment(cluster, one)).collect();
        Ok(Response::new(v1::ListRoleAssignmentsReply { assignments }))
    }

    async fn delete_role_assignment(
        &self,
        request: Request<v1::DeleteRoleAssignmentRequest>,
    ) -> Answer<v1::RoleAssignment> {
        let parse = |request: v1::DeleteRoleAssignmentRequest| {
            let id = request.id.rsplit('/').next().unwrap_or_default().to_owned();
            parse_guid(&id).map(DeleteRoleAssignment)
        };
        let deleted = self.run(request, parse).await?;
        Ok(Response::new(show::assignment(self.cluster()?, deleted)))
    }

    async fn explain_policy(&self, request: Request<v1::ExplainPolicyRequest>) -> Answer<v1::ExplainPolicyReply> {
        let parse = |request: v1::ExplainPolicyRequest| {
            let given = |text: String| Some(text).filter(|text| !text.is_empty());
            Ok(ExplainPolicy {
                principal: request.principal,
                permission: ExplainPolicy::permission(&request.permission)?,
                vault: given(request.vault).map(vault_name).transpose()?,
                object: given(request.object),
                version: given(request.version).map(|version| Id::parse(&version)).transpose()?,
            })
        };
        let told = self.run(request, parse).await?;
        let (allowed, reasons, fix) = (told.allowed, told.reasons, told.fix);
        Ok(Response::new(v1::ExplainPolicyReply { allowed, reasons, fix }))
    }
}

impl Services {
    /// Runs an operation for the peer of a connection, whatever token it shows: who signs in may have one that is over.
    async fn run_as_peer<W, O: Operation>(
        &self,
        request: Request<W>,
        parse: impl FnOnce(W) -> Result<O>,
    ) -> std::result::Result<O::Reply, Status> {
        let (_, extensions, message) = request.into_parts();
        let caller = peer::of(&extensions).map(Caller::Peer).map_err(status::of)?;
        let operation = parse(message).map_err(status::of)?;
        self.pipeline.run(caller, Door::Grpc, operation).await.map_err(status::of)
    }

    /// The store's id, from which subscription and tenant follow.
    fn cluster(&self) -> std::result::Result<Id, Status> {
        self.pipeline.unsealed().map(|rooms| rooms.keys.cluster).map_err(status::of)
    }
}

/// The same caller's request for what the token is now.
fn again<T>(request: &Request<T>, vault: &str) -> Request<v1::GetTokenRequest> {
    let mut again = Request::new(v1::GetTokenRequest { vault: vault.to_owned() });
    *again.extensions_mut() = request.extensions().clone();
    again
}
