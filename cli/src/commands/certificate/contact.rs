//! `softkeep certificate contact …`.

mod add;
mod delete;
mod list;

use clap::Subcommand;
use softkeep_proto::v1::{Contact, Contacts, GetContactsRequest, SetContactsRequest};

use crate::{client::Context, commands::Reply, error::Result, shape::certificate as shape};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Add one
    Add(add::Args),
    /// Remove one
    Delete(delete::Args),
    /// List them
    List(list::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Add(args) => add::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
    }
}

async fn get(vault: String, context: &Context) -> Result<Contacts> {
    Ok(context.certificates().await?.get_contacts(GetContactsRequest { vault }).await?.into_inner())
}

async fn set(vault: String, contacts: Vec<Contact>, context: &Context) -> Result<Reply> {
    let request = SetContactsRequest { vault, contacts };
    let contacts = context.certificates().await?.set_contacts(request).await?.into_inner();
    Ok(Reply::value(shape::contacts(&contacts)))
}
