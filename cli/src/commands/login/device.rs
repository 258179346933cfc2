//! Waiting for somebody to approve a code.

use std::time::Duration;

use softkeep_proto::{
    error::ErrorCode,
    v1::{AccessToken, BeginDeviceSignInRequest, SignInRequest, sign_in_request::Credential},
};

use crate::{
    client::Context,
    error::{Error, Result},
    session,
};

/// Shows the code, then asks until it is approved or has ended.
pub async fn sign_in(context: &Context) -> Result<AccessToken> {
    let mut client = context.sign_in().await?;
    let begun = client.begin_device_sign_in(BeginDeviceSignInRequest {}).await?.into_inner();
    eprintln!("{}", begun.message);
    let pause = Duration::from_secs(begun.interval_seconds.clamp(1, 30).into());
    loop {
        tokio::time::sleep(pause).await;
        let request = SignInRequest { credential: Some(Credential::DeviceCode(begun.device_code.clone())) };
        match client.sign_in(request).await.map_err(Error::from) {
            Ok(token) => return Ok(token.into_inner()),
            Err(error) if error.code() != Some(ErrorCode::SignInPending) => return Err(error),
            Err(_) if session::now() >= begun.expires => {
                return Err(Error::coded(ErrorCode::TokenInvalid, "nobody approved the code in time")
                    .fix("run softkeep login again, and approve the new code"));
            }
            Err(_) => {}
        }
    }
}
