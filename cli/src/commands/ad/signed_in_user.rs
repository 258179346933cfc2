//! `softkeep ad signed-in-user show`.

use clap::Subcommand;

use crate::{
    client::Context,
    commands::{Reply, account},
    error::Result,
    shape::principal,
};

/// The verb.
#[derive(Subcommand)]
pub enum Command {
    /// Show who you are
    Show,
}

/// Prints who the caller is: also a Unix peer, which is nobody's user.
pub async fn run(command: &Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Show => {
            let who = account::who(context).await?;
            let mut me = who.principal.unwrap_or_default();
            me.administrator |= who.administrator;
            Ok(Reply::value(principal::user(&me)).columns(principal::USER_COLUMNS))
        }
    }
}
