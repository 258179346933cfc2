//! `softkeep token set-so-pin`.

use softkeep_proto::v1::SetSoPinRequest;

use super::pin::Args;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Sets the security officer's PIN and prints the token.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let pin = args.pin("SO PIN")?;
    let request = SetSoPinRequest { vault, pin: pin.to_string() };
    let token = context.access().await?.set_so_pin(request).await?.into_inner();
    Ok(Reply::value(shape::token(&token)))
}
