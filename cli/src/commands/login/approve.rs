//! `softkeep login approve`.

use serde_json::json;
use softkeep_proto::v1::ApproveDeviceSignInRequest;

use crate::{client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// The code that the waiting command shows
    #[arg(value_name = "CODE")]
    user_code: String,
}

/// Approves the code as the caller.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = ApproveDeviceSignInRequest { user_code: args.user_code.clone() };
    let principal = context.access().await?.approve_device_sign_in(request).await?.into_inner();
    Ok(Reply::value(json!({
        "objectId": principal.object_id,
        "signsInAs": principal.name,
        "userCode": args.user_code,
    })))
}
