//! `softkeep certificate contact list`.

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
}

/// Prints the contacts.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    Ok(Reply::value(shape::contacts(&super::get(vault, context).await?)))
}
