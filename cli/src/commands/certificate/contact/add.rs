//! `softkeep certificate contact add`.

use softkeep_proto::{error::ErrorCode, v1::Contact};

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
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// Telephone number
    #[arg(long)]
    phone: Option<String>,
}

/// Adds the contact and prints all.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let mut contacts = super::get(vault.clone(), context).await?.contacts;
    if contacts.iter().any(|contact| contact.email == args.email) {
        let message = format!("contact '{}' already exists", args.email);
        return Err(Error::coded(ErrorCode::AlreadyExists, message).fix("delete it first to change it"));
    }
    contacts.push(Contact {
        email: args.email.clone(),
        name: args.name.clone().unwrap_or_default(),
        phone: args.phone.clone().unwrap_or_default(),
    });
    super::set(vault, contacts, context).await
}
