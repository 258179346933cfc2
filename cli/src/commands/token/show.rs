//! `softkeep token show`.

use softkeep_proto::v1::GetTokenRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, shape};

/// Prints the token.
pub async fn run(args: &VaultArg, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault_name.as_deref())?;
    let token = context.access().await?.get_token(GetTokenRequest { vault }).await?.into_inner();
    Ok(Reply::value(shape::token(&token)))
}
