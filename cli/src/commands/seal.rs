//! `softkeep seal`.

use softkeep_proto::v1::SealRequest;

use super::Reply;
use crate::{client::Context, error::Result, shape};

/// Seals the daemon and prints its status. Being sealed is what was asked for: exit code 0.
pub async fn run(context: &Context) -> Result<Reply> {
    let status = context.system().await?.seal(SealRequest {}).await?.into_inner();
    Ok(Reply::value(shape::status(&status, &context.settings.endpoint.to_string())))
}
