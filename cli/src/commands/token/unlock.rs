//! `softkeep token unlock`.

use softkeep_proto::v1::UnlockTokenRequest;

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Only this peer, e.g. uid:1000 or certificate:web; every peer if absent
    #[arg(long)]
    peer: Option<String>,
}

/// Forgets wrong PINs and prints the token.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let request = UnlockTokenRequest { vault, peer: args.peer.unwrap_or_default() };
    let token = context.access().await?.unlock_token(request).await?.into_inner();
    Ok(Reply::value(shape::token(&token)))
}
