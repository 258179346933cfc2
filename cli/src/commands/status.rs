//! `softkeep status`: exit code 5 when the daemon is sealed or cannot be reached.

use softkeep_proto::{
    error::ErrorCode,
    v1::{GetStatusRequest, Status},
};

use super::Reply;
use crate::{
    client::Context,
    error::{Error, Result},
    shape,
};

/// Prints the daemon's status.
pub async fn run(context: &Context) -> Result<Reply> {
    let status = get(context).await?;
    let mut reply = Reply::value(shape::status(&status, &context.settings.endpoint.to_string()));
    if status.sealed {
        let reason = if status.seal_reason.is_empty() { String::new() } else { format!(": {}", status.seal_reason) };
        reply.then = Some(Error::coded(ErrorCode::Sealed, format!("the daemon is sealed{reason}")));
    }
    Ok(reply)
}

/// Asks the daemon for its status.
pub async fn get(context: &Context) -> Result<Status> {
    Ok(context.system().await?.get_status(GetStatusRequest {}).await?.into_inner())
}
