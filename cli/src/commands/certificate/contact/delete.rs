//! `softkeep certificate contact delete`.

use crate::{
    args::VaultArg,
    client::Context,
    commands::Reply,
    error::{Error, Result},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Address
    #[arg(long)]
    email: String,
}

/// Removes the contact and prints the others.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let mut contacts = super::get(vault.clone(), context).await?.contacts;
    let before = contacts.len();
    contacts.retain(|contact| contact.email != args.email);
    if contacts.len() == before {
        return Err(Error::local(format!("contact '{}' not found in vault", args.email))
            .fix("softkeep keyvault certificate contact list prints them"));
    }
    super::set(vault, contacts, context).await
}
