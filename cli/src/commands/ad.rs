//! `softkeep ad …`: who there is.

mod credential;
mod signed_in_user;
mod sp;
mod user;

use clap::Subcommand;
use softkeep_proto::v1::{GetPrincipalRequest, ListPrincipalsRequest, Principal};

use super::Reply;
use crate::{client::Context, error::Result};

/// What there is.
#[derive(Subcommand)]
pub enum Command {
    /// Service principals
    #[command(subcommand)]
    Sp(sp::Command),
    /// Users
    #[command(subcommand)]
    User(user::Command),
    /// Whoever is signed in
    #[command(subcommand)]
    SignedInUser(signed_in_user::Command),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Sp(command) => sp::run(command, context).await,
        Command::User(command) => user::run(command, context).await,
        Command::SignedInUser(command) => signed_in_user::run(&command, context).await,
    }
}

/// `--id`.
#[derive(clap::Args)]
struct IdArg {
    /// Object id, user name, app id, or the name az prints for a service principal
    #[arg(long)]
    id: String,
}

async fn get(principal: &str, context: &Context) -> Result<Principal> {
    let request = GetPrincipalRequest { principal: principal.to_owned(), vault: String::new() };
    Ok(context.access().await?.get_principal(request).await?.into_inner())
}

/// All principals of a kind, or those of one display name.
async fn find(kind: &str, display_name: &str, context: &Context) -> Result<Vec<Principal>> {
    let mut client = context.access().await?;
    let mut request = ListPrincipalsRequest {
        kind: kind.to_owned(),
        display_name: display_name.to_owned(),
        ..ListPrincipalsRequest::default()
    };
    let mut found = Vec::new();
    loop {
        let page = client.list_principals(request.clone()).await?.into_inner();
        found.extend(page.principals);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(found);
        }
    }
}
