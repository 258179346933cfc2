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
