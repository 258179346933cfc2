//! `softkeep account …`: the daemon's one subscription, and who is signed in.

mod clear;
mod get_access_token;
mod list;
mod list_locations;
mod set;
mod show;

use clap::Subcommand;
use softkeep_proto::v1::{WhoAmIReply, WhoAmIRequest};

use super::Reply;
use crate::{client::Context, error::Result};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// List the subscriptions: one
    List(list::Args),
    /// Choose the subscription: there is one
    Set(set::Args),
    /// Show the subscription and who you are
    Show(show::Args),
    /// List the locations that a vault can be said to be in
    ListLocations,
    /// Forget all sessions
    Clear,
    /// Print an access token
    GetAccessToken(get_access_token::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::List(args) => list::run(&args, context).await,
        Command::Set(args) => set::run(&args, context).await,
        Command::Show(args) => show::run(&args, context).await,
        Command::ListLocations => list_locations::run(context).await,
        Command::Clear => clear::run(context),
        Command::GetAccessToken(args) => get_access_token::run(&args, context).await,
    }
}

/// Checks the `--subscription` that az takes with every command. Those of `account` see to it themselves, and before
/// signing in there is nobody to ask.
pub async fn check_subscription(subscription: Option<&str>, command: &super::Command, context: &Context) -> Result<()> {
    match (subscription, command) {
        (None, _) | (_, super::Command::Account(_) | super::Command::Login(_)) => Ok(()),
        (Some(subscription), _) => set::check(subscription, &who(context).await?),
    }
}

/// Who the daemon takes the caller for, and its subscription.
pub async fn who(context: &Context) -> Result<WhoAmIReply> {
    Ok(context.access().await?.who_am_i(WhoAmIRequest {}).await?.into_inner())
}
