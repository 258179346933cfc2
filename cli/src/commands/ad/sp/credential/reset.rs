//! `softkeep ad sp credential reset`.

use serde_json::json;

use crate::{
    client::Context,
    commands::{
        Reply, account,
        ad::{IdArg, credential::CredentialArgs, get},
    },
    error::Result,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    principal: IdArg,
    #[command(flatten)]
    credential: CredentialArgs,
    /// When it ends (UTC)
    #[arg(long, value_name = "TIME", value_parser = crate::commands::ad::credential::end_date)]
    end_date: Option<i64>,
    /// What to call it
    #[arg(long)]
    display_name: Option<String>,
    /// Beside the others, instead of in their place
    #[arg(long)]
    append: bool,
}

/// Makes the credential and prints how to sign in with it.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let who = account::who(context).await?;
    let found = get(&args.principal.id, context).await?;
    let added = args
        .credential
        .add(&found.object_id, args.display_name.as_deref(), args.end_date, !args.append, context)
        .await?;
    let password = args.credential.secret(&added)?;
    if password.is_some() {
        eprintln!("warning: the output has the secret, once; keep it out of logs and source code");
    }
    Ok(Reply::value(json!({ "appId": found.app_id, "password": password, "tenant": who.tenant_id })))
}
