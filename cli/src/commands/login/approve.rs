//! `softkeep login approve`.

use serde_json::json;
use softkeep_proto::v1::ApproveDeviceSignInRequest;

use crate::{client::Context, commands::Reply, confirm::ask, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The code that the waiting command shows; asked for if absent
    #[arg(value_name = "CODE")]
    user_code: Option<String>,
}

/// Approves the code as the caller.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let user_code = match &args.user_code {
        Some(code) => code.clone(),
        None => ask("code", "softkeep login approve CODE")?,
    };
    let request = ApproveDeviceSignInRequest { user_code: user_code.clone() };
    let principal = context.access().await?.approve_device_sign_in(request).await?.into_inner();
    Ok(Reply::value(json!({
        "objectId": principal.object_id,
        "signsInAs": principal.name,
        "userCode": user_code,
    })))
}
