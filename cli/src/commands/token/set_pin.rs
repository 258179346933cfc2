//! `softkeep token set-pin`.

use softkeep_proto::v1::SetPinRequest;

use super::pin::Args;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Sets the user PIN and prints the token.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let pin = args.pin("user PIN")?;
    let request = SetPinRequest { vault, pin: pin.to_string() };
    let token = context.access().await?.set_pin(request).await?.into_inner();
    Ok(Reply::value(shape::token(&token)))
}
